// Both databases answer with the same JavaScript values.
import { types } from 'pg';

const INT8 = 20;

/** As PGlite does: a number where it is exact. node-postgres leaves all of them text. */
const parseInt8 = (text: string): number | bigint => {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
};

/** For node-postgres, per query, so that a pool handed in stays as it is. */
export const postgresTypes: { getTypeParser: typeof types.getTypeParser } = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 && format !== ('binary' as string)
      ? parseInt8
      : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};
