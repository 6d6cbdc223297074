// One of several processes that share a token store. Told what to do by its arguments; prints a line for each thing done.
import { cached } from '../src/oauth/token-cache.ts';
import { clientCredentials } from '../src/oauth/client-credentials.ts';
import { encryptedFileTokenStore } from '../src/oauth/encrypted-file-store.ts';
import { Secret } from '../src/secret.ts';

const [task, path = '', tokenEndpoint = ''] = process.argv.slice(2);
const store = encryptedFileTokenStore({ path, key: Buffer.alloc(32, 7) });

if (task === 'token') {
  const source = cached(
    clientCredentials({ tokenEndpoint, clientId: 'app', clientSecret: 'canary-secret', scope: 's' }),
    { store, key: 'app' },
  );
  console.log('asks');
  console.log((await source()).value.reveal());
}

if (task === 'count') {
  for (let done = 0; done < 10;) {
    const stored = await store.get('counter');
    const next = Number(stored?.value.reveal() ?? 0) + 1;
    if ((await store.compareAndSet('counter', stored?.version, new Secret(String(next)))) !== undefined) done += 1;
  }
}

if (task === 'lock') {
  await store.lock('k', { lease: 600_000, wait: 1000 });
  console.log('locked');
  setInterval(() => undefined, 1000);
}
