/** Requests in, answers out: one way to read a body, one shape for errors. */

export type Handler = (request: Request) => Response | Promise<Response>;

/** The largest body that any of these functions has a use for, in bytes. */
const MAX_BODY = 64 * 1024;

/** An error whose message the caller may read. Answered as `{"error": {"code", "message", "fields"?}}`. */
export class HttpError extends Error {
  override name = "HttpError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly more: { fields?: Record<string, string>; headers?: HeadersInit } = {},
  ) {
    super(message);
  }
}

/** A JSON answer. Nothing here may be kept by a cache. */
export function json(body: unknown, status = 200, headers: HeadersInit = {}): Response {
  const all = new Headers(headers);
  all.set("cache-control", "no-store");
  return Response.json(body, { status, headers: all });
}

/** Picks the handler by method and turns whatever it throws into an answer. */
export function endpoint(methods: Record<string, Handler>): Handler {
  const allow = Object.keys(methods).join(", ");
  return async (request) => {
    try {
      const handler = methods[request.method];
      if (handler === undefined) {
        throw new HttpError(405, "method_not_allowed", `use ${allow}`, { headers: { allow } });
      }
      return await handler(request);
    } catch (error) {
      return answer(error);
    }
  };
}

/** The fields of a JSON or form body. */
export async function readFields(request: Request): Promise<unknown> {
  const text = await readText(request);
  const type = request.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") return Object.fromEntries(new URLSearchParams(text));
  if (text === "") return {};
  if (type !== "application/json") {
    throw new HttpError(415, "unsupported_media_type", "send application/json or application/x-www-form-urlencoded");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, "invalid_json", "the body is not JSON");
  }
}

/** The body as text, cut off where nobody honest would go. */
export async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY) throw new HttpError(413, "too_large", `the body is larger than ${MAX_BODY} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Where the outside world reaches a function: inside, the gateway's name and prefix are gone. */
export function functionUrl(slug: string, rest = ""): string {
  return `${Deno.env.get("SUPABASE_URL")}/functions/v1/${slug}${rest}`;
}

function answer(error: unknown): Response {
  if (error instanceof HttpError) {
    const { fields, headers } = error.more;
    return json({ error: { code: error.code, message: error.message, fields } }, error.status, headers);
  }
  // A database error's message and detail may quote a row: log what it is, not what it says.
  const { name, code }: { name?: string; code?: string } = Object(error);
  console.error(JSON.stringify({ level: "error", name: name ?? "unknown", code, stack: frames(error) }));
  return json({ error: { code: "internal", message: "something went wrong on our side" } }, 500);
}

function frames(error: unknown): string[] {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).slice(0, 4).map((line) => line.trim());
}
