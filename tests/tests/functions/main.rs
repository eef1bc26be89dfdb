//! EdgeFunctions end to end: the operator's process under its ServiceAccount, the real API server, a platform that the
//! official CLI talks to. One operator serves all of these tests, each in a namespace and a project of its own.

mod drift;
mod sources;
