// Pins the module whose zip holds the real CRDs of Flux's sources (config/crd/bases). Nothing is compiled from it.
module ace-ops.invalid/flux

go 1.26

require github.com/fluxcd/source-controller v1.9.6
