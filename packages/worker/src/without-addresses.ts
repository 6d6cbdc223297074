// What is kept, logged or told says nothing of people.

/** Looks for what is shaped like an address: better one word too many than one person too many. */
const ADDRESS = /[^\s<>"'(),:;=[\]|@]{1,128}@[^\s<>"'(),:;=[\]|@]*[\p{L}\p{N}]/gu;

/** The text with `[address]` for each mail address. */
export const withoutAddresses = (text: string): string =>
  text.includes('@') ? text.replace(ADDRESS, '[address]') : text;
