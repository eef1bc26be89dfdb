/** Signatures and comparisons whose duration tells nothing. */
import { timingSafeEqual } from "node:crypto";

const encoder = new TextEncoder();

/** HMAC of a text. */
export async function sign(hash: "SHA-1" | "SHA-256", secret: string, text: string): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}

/** Whether two texts are the same. They are hashed first, so that not even their lengths are told. */
export async function sameText(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [left, right].map((text) => crypto.subtle.digest("SHA-256", encoder.encode(text))),
  );
  return timingSafeEqual(new Uint8Array(a), new Uint8Array(b));
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
