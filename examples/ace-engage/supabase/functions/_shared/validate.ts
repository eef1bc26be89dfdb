/** What callers may send. Refusals name each field, so that a form can show them in place. */
import { z } from "npm:zod@4.6.7";
import { HttpError, readFields } from "./http.ts";

export { z };

/** A phone number in E.164; ten digits are taken for a North American one. */
export const phone = z.string().max(32).transform((text) => {
  const digits = text.replace(/[\s().-]/g, "");
  return /^\d{10}$/.test(digits) ? `+1${digits}` : digits;
}).pipe(z.string().regex(/^\+[1-9]\d{7,14}$/, "use the international form, such as +15550110001"));

export async function parseBody<T extends z.ZodType>(request: Request, schema: T): Promise<z.output<T>> {
  return parse(await readFields(request), schema);
}

export function parseQuery<T extends z.ZodType>(request: Request, schema: T): z.output<T> {
  return parse(Object.fromEntries(new URL(request.url).searchParams), schema);
}

function parse<T extends z.ZodType>(input: unknown, schema: T): z.output<T> {
  const result = schema.safeParse(input, { error: (issue) => issue.input === undefined ? "is missing" : undefined });
  if (result.success) return result.data;
  const fields: Record<string, string> = {};
  for (const { path, message } of result.error.issues) fields[path.join(".") || "body"] ??= message;
  throw new HttpError(400, "invalid_request", `check ${Object.keys(fields).join(", ")}`, { fields });
}
