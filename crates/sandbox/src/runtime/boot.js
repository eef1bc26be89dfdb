// Runs before the function's entrypoint (`deno run --preload`), in the same isolate. It takes its orders from stdin,
// gives the function the environment that it was promised, and lets `Deno.serve` answer the platform's gateway.
// Everything of Deno that is needed later is taken now: the function may change the globals.

const { serve, exit, stdin, stdout, env } = Deno;
const SECRET_HEADER = "x-ace-runtime-secret";
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The first line of stdin. Nothing else is sent before the function is ready, so nothing is lost behind it. */
function readOrders() {
  const chunks = [];
  const buffer = new Uint8Array(65536);
  for (;;) {
    const count = stdin.readSync(buffer);
    if (count === null) exit(0);
    chunks.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
    if (buffer[count - 1] === 10) return JSON.parse(chunks.join(""));
  }
}

const orders = readOrders();

// What Deno itself needed to start is not the function's.
for (const name of Object.keys(env.toObject())) env.delete(name);
for (const [name, value] of Object.entries(orders.environment)) env.set(name, value);

const background = new Set();

Object.defineProperty(globalThis, "EdgeRuntime", {
  value: Object.freeze({
    waitUntil(promise) {
      const settled = Promise.resolve(promise).catch((error) => console.error(error));
      background.add(settled);
      settled.finally(() => background.delete(settled));
      return promise;
    },
  }),
});

/** Stops with the parent (end of stdin) or, when told to, as soon as background tasks have settled. */
async function obey() {
  const buffer = new Uint8Array(64);
  for (;;) {
    const count = await stdin.read(buffer).catch(() => null);
    if (count === null) exit(0);
    while (background.size > 0) await Promise.all(background);
    globalThis.dispatchEvent(new CustomEvent("beforeunload", { detail: { reason: "early_drop" } }));
    exit(0);
  }
}

function failed(error) {
  console.error(error);
  return new Response("Internal Server Error", {
    status: 500,
    headers: { "content-type": "text/plain;charset=UTF-8", "sb-error-code": "EDGE_FUNCTION_ERROR" },
  });
}

let handler;
let onError = failed;
let server;
let told = false;

async function answer(request, info) {
  if (request.headers.get(SECRET_HEADER) !== orders.secret) return new Response(null, { status: 403 });
  const headers = new Headers(request.headers);
  headers.delete(SECRET_HEADER);
  try {
    return await handler(new Request(request, { headers }), info);
  } catch (error) {
    return await onError(error);
  }
}

function start() {
  let port;
  const listening = serve({
    hostname: "127.0.0.1",
    port: 0,
    onError: failed,
    onListen: (address) => (port = address.port),
  }, answer);
  const ready = () => {
    if (told) return;
    told = true;
    stdout.writeSync(encoder.encode(`${orders.secret} ${port}\n`));
    obey();
  };
  // A module that throws after it has called `serve` has failed to start, so its end is waited for. It may as well wait
  // for ever (`await server.finished`): then this long is enough. An event loop that was held up meanwhile has seen
  // the module's end first, because that needs no timer.
  setTimeout(() => {
    const patience = setTimeout(ready, 100);
    import(Deno.mainModule).then(ready, () => clearTimeout(patience));
  }, 0);
  return listening;
}

Deno.serve = function (first, second) {
  const [options, given] = typeof first === "function"
    ? [second ?? {}, first]
    : [first ?? {}, second ?? first?.handler];
  if (typeof given !== "function") throw new TypeError("A handler function must be provided.");
  handler = given;
  onError = options.onError ?? failed;
  server ??= start();
  options.onListen?.(server.addr);
  return server;
};

// `export default { fetch }` is the other way to be a function.
globalThis.addEventListener("load", async () => {
  if (handler) return;
  const { default: module } = await import(Deno.mainModule);
  if (typeof module?.fetch === "function") Deno.serve(module.fetch.bind(module));
});
