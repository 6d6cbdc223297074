// What a command says of an error: a sentence, also where the error comes from a driver or from the system.

/** What PostgreSQL and the system call it → what it means here. */
const MEANINGS: Readonly<Record<string, (message: string) => string>> = {
  '28P01': (message) => `The database refuses the login (${message}). Look at user and password in the store's url.`,
  '28000': (message) => `The database refuses the login (${message}). Look at user and database in the store's url.`,
  '3D000': (message) => `The database is not there (${message}). Create it, or look at the store's url.`,
  '42501': (message) =>
    `The database does not let this user do that (${message}). Let somebody who may run what \`mailgrant-worker migrate --sql\` prints.`,
  ...Object.fromEntries(
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET'].map((code) => [
      code,
      (message: string) => `The database does not answer (${message}). Does it run where the store's url says?`,
    ]),
  ),
};

export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries all addresses of a name, and says nothing of its own of their failures.
  const inner: unknown = error instanceof AggregateError && error.message === '' ? error.errors[0] : undefined;
  const message = inner instanceof Error ? inner.message : error.message;
  const code = 'code' in error ? String(error.code) : '';
  return Object.hasOwn(MEANINGS, code) ? (MEANINGS[code]?.(message) ?? message) : message || error.name;
}
