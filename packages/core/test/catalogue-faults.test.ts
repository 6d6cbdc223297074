// Every fault the sandbox has a name for: a send meets it, and what it throws is explained by a row of its own, not by one that
// only knows the code.
import { Readable } from 'node:stream';
import { createSandbox, FAULTS, type FaultName, type NamedFault, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientCredentials } from '../src/index.ts';
import { FALLBACK } from '../src/diagnosis/catalogue/fallback.ts';
import { type Attempt, explained, failure } from './catalogue-meet.ts';

/** What says nothing of what happened but that something did. */
const GENERAL: ReadonlySet<string> = new Set([...FALLBACK.map(({ id }) => id), 'unknown', 'oauth-refused']);

const HVE = 'bulk@contoso.com';
let sandbox: Sandbox;
const told: string[] = [];
beforeAll(async () => {
  sandbox = await createSandbox({ tenants: [{ hve: [HVE] }] });
});
afterAll(async () => {
  await sandbox.close();
  process.stdout.write(
    `Faults by name: ${FAULTS.length}, ${FAULTS.filter(isSlow).length} of them slow and not waited for; the message was taken in spite of ${told.join(', ')}\n`,
  );
});

/** Five seconds pass, and the answer is as ever. */
const isSlow = ({ fault }: NamedFault): boolean => 'delay' in fault;
/** The message is taken in spite of them. */
const HARMLESS: ReadonlySet<string> = new Set<FaultName>(['drip', 'two-replies', 'quit-hangs']);
/** Nobody has published what High Volume Email says there: the sandbox's words are its own. */
const WITHOUT_ROW: ReadonlySet<string> = new Set<FaultName>(['hve-external-recipient']);

/** Patient enough for a handshake on a busy machine, where waiting is not the point. */
const attemptFor = ({ name, on, fault }: NamedFault): Attempt => {
  const { tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  const time = 'hang' in fault ? 100 : 5000;
  const source = { tokenEndpoint, clientId, clientSecret, scope: on === 'hve' ? sandbox.hve.scope : scope };
  return {
    hve: on === 'hve',
    ...(name === 'chunk-refused' && {
      mail: { binary: true, message: Readable.from([1, 2, 3].map(() => Buffer.alloc(1_000_000, 'a line\r\n'))) },
    }),
    mailer: {
      timeouts: { tls: time, greeting: time, command: time, data: time, block: time, message: time },
      ...(on === 'entra' && { token: clientCredentials({ ...source, timeout: time }) }),
    },
  };
};

test.for(FAULTS.filter((fault) => !isSlow(fault)).map((fault) => [fault.name, fault] as const))(
  '%s',
  async ([name, fault]) => {
    sandbox.clearFaults();
    sandbox.fault(name as FaultName, { times: Infinity });
    try {
      const work = failure(sandbox, attemptFor(fault));
      if (HARMLESS.has(name)) {
        await expect(work).rejects.toThrow('the message was taken');
        told.push(name);
        return;
      }
      const { id, remedy } = explained(await work);
      expect(GENERAL.has(id)).toBe(WITHOUT_ROW.has(name));
      expect(remedy).not.toBe('');
    } finally {
      sandbox.clearFaults();
    }
  },
);
