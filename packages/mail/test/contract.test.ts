// The contract of all adapters, on several mail clients at once.
import { type ContractAccount, type ContractSubject, describeContract } from '@mailgrant/sandbox/contract';
import { describe, test } from 'vitest';
import { createMailClients, type MailClientOptions } from '../src/index.ts';

const toOptions = ({ host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope }: ContractAccount) =>
  ({
    account: { provider: 'microsoft365', host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope },
  }) satisfies MailClientOptions;

describeContract({ describe, test }, 'createMailClients()', {
  open: async (account, named = {}): Promise<ContractSubject> => {
    const more = Object.entries(named).map(([name, each]) => [name, toOptions(each)] as const);
    const clients = createMailClients({ clients: { default: toOptions(account), ...Object.fromEntries(more) } });
    return { ...clients.get(), named: (name) => clients.get(name), close: () => clients.close() };
  },
});
