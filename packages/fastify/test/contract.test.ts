// The contract of all adapters, on the plugin: through `fastify.mail`, and through `request.mail` of a server that listens.
import { get } from 'node:http';
import { type ContractAccount, type ContractSubject, describeContract } from '@mailgrant/sandbox/contract';
import { describe, test } from 'vitest';
import {
  type AccountOptions,
  mail,
  type MailerName,
  type MailInput,
  type MailSendOptions,
  type SentMail,
} from '../src/index.ts';
import { FASTIFYS } from './servers.ts';

const optionsOf = (account: ContractAccount): AccountOptions => {
  const { host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope } = account;
  return { host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope };
};

describe.each(FASTIFYS)('Fastify %s', (_, fastify) => {
  describeContract({ describe, test }, 'fastify.mail', {
    async open(account, named = {}): Promise<ContractSubject> {
      const server = fastify();
      await server.register(mail, optionsOf(account));
      for (const [name, one] of Object.entries(named)) await server.register(mail, { name, ...optionsOf(one) });
      await server.ready();
      return {
        send: (...mails) => server.mail.send(...mails),
        verify: () => server.mail.mailer().verify(),
        health: () => server.mail.health(),
        named: (name) => server.mail.mailer(name as MailerName),
        close: () => server.close(),
      };
    },
  });
});

/** What a request is to send, by number: mails hold buffers and signals, which no URL does. */
type Order = readonly [mail: MailInput, options: MailSendOptions | undefined, name: MailerName];

/** Over a connection of its own: a server that is closed waits for those that are kept alive. */
const call = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => response.resume().on('close', resolve)).on('error', reject);
  });

describeContract({ describe, test }, 'request.mail', {
  without: ['health', 'verify'], // of the server, not of a request
  async open(account, named = {}): Promise<ContractSubject> {
    const [[, fastify]] = [FASTIFYS[1]!];
    const server = fastify();
    const orders: Order[] = [];
    const outcomes: (Promise<SentMail> | undefined)[] = [];
    await server.register(mail, { mailers: { default: optionsOf(account) } });
    await server.register(mail, {
      mailers: Object.fromEntries(Object.entries(named).map(([name, one]) => [name, optionsOf(one)])),
    });
    server.get<{ Params: { number: string } }>('/send/:number', async (request) => {
      const number = Number(request.params.number);
      const [input, options, name] = orders[number]!;
      const outcome = request.mail.mailer(name).send(input, options);
      outcomes[number] = outcome;
      return outcome;
    });
    const origin = await server.listen({ host: '127.0.0.1', port: 0 });
    const send = async (...order: Order): Promise<SentMail> => {
      const number = orders.push(order) - 1;
      // Once the server is closed no request gets in any more; what is left to ask is the mailer.
      await call(`${origin}/send/${number}`).catch(() => undefined);
      const [input, options, name] = order;
      return outcomes[number] ?? server.mail.mailer(name).send(input, options);
    };
    return {
      send: (input, options) => send(input, options, 'default'),
      named: (given) => {
        const name = given as MailerName;
        server.mail.mailer(name);
        return { send: (input, options) => send(input, options, name) };
      },
      close: () => server.close(),
    };
  },
});
