// A real PostgreSQL for tests, which the test command brings by itself: the server in DATABASE_URL, else one of the programs
// installed here, else one from npm. Each call makes an empty database.
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

let asked: Promise<string> | undefined;

/** An empty database, gone when it is disposed of. */
export async function createDatabase(): Promise<TestDatabase> {
  asked ??= serverUrl();
  const server = await asked;
  const name = `mailgrant_${randomUUID().replaceAll('-', '')}`;
  await run(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => run(server, `drop database if exists ${name} with (force)`),
  };
}

async function serverUrl(): Promise<string> {
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL !== undefined && DATABASE_URL !== '') return DATABASE_URL;
  const response = await fetch(inject('postgres'));
  const text = await response.text();
  if (!response.ok) throw new Error(`There is no PostgreSQL to test with: ${text}`);
  return text;
}

async function run(server: string, statement: string): Promise<void> {
  const client = new Client(server);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
