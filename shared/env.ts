/** Environment variables, read at module load so that a missing one is an init error and not a first-request error. */

/** The variable's value. @throws {Error} naming the variable when it is not set or empty. */
export function requireEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`environment variable ${name} is not set`);
  return value;
}
