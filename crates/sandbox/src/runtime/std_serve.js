// Stands for `https://deno.land/std@…/http/server.ts`, whose own server needs interfaces that Deno 2 no longer has.
export function serve(handler, options = {}) {
  return Deno.serve(options, handler).finished;
}
