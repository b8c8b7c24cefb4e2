/** A request's header, whatever the case of its name. */

export type Headers = Readonly<Record<string, string | undefined>>;

/** The first of that name. @param name in lower case */
export function headerNamed(headers: Headers, name: string): string | undefined {
  for (const key in headers) if (key.length === name.length && key.toLowerCase() === name) return headers[key];
  return undefined;
}
