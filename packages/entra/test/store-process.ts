// One of several processes that share an encrypted file. Told what to do over standard input; prints a line for each thing done.
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { type AccessToken, cached, encryptedFileTokenStore } from '@mailgrant/core';
import { entraApp, type EntraCloud, entraDelegated } from '../src/index.ts';

export interface StoreTask {
  readonly task: 'app' | 'delegated' | 'keep alive';
  readonly path: string;
  readonly cloud: EntraCloud;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly mailbox: string;
}

const { task, path, clientSecret, ...settings } = JSON.parse(await text(process.stdin)) as StoreTask;
const store = encryptedFileTokenStore({ path, key: Buffer.alloc(32, 7) });
const print = ({ value }: AccessToken): void => console.log(createHash('sha256').update(value.reveal()).digest('hex'));

console.log('asks');
if (task === 'app') {
  print(await cached(entraApp({ ...settings, credential: clientSecret }), { store, key: 'app' })());
} else {
  const grant = entraDelegated({ ...settings, store });
  if (task === 'delegated') print(await cached(grant.token, { store, key: 'person' })());
  else console.log(await grant.keepAlive({ idleFor: 3_600_000 }));
}
