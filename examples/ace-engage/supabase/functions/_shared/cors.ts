/** Lets browsers in: the forms live on the customers' own pages, so every origin is welcome. */
import type { Handler } from "./http.ts";

const HEADERS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, apikey, content-type, x-client-info",
};

/** Answers preflights for the methods named, and marks every other answer as readable. */
export function withCors(methods: string, handler: Handler): Handler {
  return async (request) => {
    if (request.method === "OPTIONS") {
      return new Response(null, {
        status: 204,
        headers: { ...HEADERS, "access-control-allow-methods": methods, "access-control-max-age": "86400" },
      });
    }
    const response = await handler(request);
    for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
    return response;
  };
}
