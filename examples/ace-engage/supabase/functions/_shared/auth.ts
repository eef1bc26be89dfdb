/** Who is calling. */
import { sameText } from "./crypto.ts";
import { HttpError } from "./http.ts";

interface Claims {
  role?: string;
  app_metadata?: { staff?: boolean };
}

/**
 * Refuses everybody but signed-in staff and services.
 *
 * Only the claims are read here: the gateway has checked the signature, because `verify_jwt` is true
 * for every function that imports this. A change of that rule is a hole, not a setting.
 */
export function requireStaff(request: Request): void {
  const { role, app_metadata } = claims(bearer(request));
  if (role === "service_role" || (role === "authenticated" && app_metadata?.staff === true)) return;
  throw new HttpError(403, "staff_only", "this needs an account of the staff");
}

/** Refuses everybody who does not hold the service role key itself, whatever the gateway thinks of the token. */
export async function requireService(request: Request): Promise<void> {
  const key = Deno.env.get("SUPABASE_SERVICE_ROLE_KEY");
  if (key !== undefined && await sameText(bearer(request), key)) return;
  throw new HttpError(403, "service_only", "this needs the service role key");
}

function bearer(request: Request): string {
  const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
  return scheme.toLowerCase() === "bearer" && token ? token : "";
}

function claims(token: string): Claims {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const claims: unknown = JSON.parse(atob(payload));
    return typeof claims === "object" && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
