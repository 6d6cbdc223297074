import { describe, expect, test } from 'vitest';
import { CHUNKINGS, play } from '../../test/script.ts';
import { toContent } from './content.ts';
import { checkEnvelope, envelopeCommands } from './envelope.ts';
import { type Transaction, sendMessage } from './transaction.ts';
import type { WireLevel } from './wire-ladder.ts';

const content = toContent('Subject: hi\r\n\r\n.dot\nbye\r\n');

function transaction(to: string[], wire: WireLevel, reset = false, all = false): Transaction {
  const envelope = checkEnvelope({ from: 'a@contoso.com', to });
  return {
    to: envelope.to,
    envelope: envelopeCommands({ envelope, content, binary: false }, new Map([['SIZE', []]])),
    body: { content, framing: wire === 'chunked' || wire === 'one-flight' ? 'bdat' : 'data', sevenBit: false },
    wire,
    reset,
    all,
  };
}
const body = `C: Subject: hi
              C:
              C: ..dot
              C: bye
              C: .`;
const expecting = (error: object): unknown => expect.objectContaining(error);

describe.each(CHUNKINGS)('a transaction fed %s', (chunking) => {
  test('sends MAIL, RCPT and DATA in one flight and tells each recipient apart', () => {
    const result = play(
      sendMessage(transaction(['b@contoso.com', 'c@contoso.com', 'd@contoso.com'], 'grouped')),
      `C: MAIL FROM:<a@contoso.com> SIZE=25
       C: RCPT TO:<b@contoso.com>
       C: RCPT TO:<c@contoso.com>
       C: RCPT TO:<d@contoso.com>
       C: DATA
       S: 250 2.1.0 Sender OK
       S: 250 2.1.5 Recipient OK
       S: 451 4.7.0 later
       S: 550 5.1.10 RESOLVER.ADR.RecipientNotFound
       S: 354 Start mail input; end with <CRLF>.<CRLF>
       ${body}
       S: 250 2.0.0 OK <1@x.prod.outlook.com>`,
      chunking,
    );
    expect(result.accepted.map(({ address }) => address)).toEqual(['b@contoso.com']);
    expect(result.deferred.map(({ address }) => address)).toEqual(['c@contoso.com']);
    expect(result.refused.map(({ address, reply }) => [address, reply.status])).toEqual([['d@contoso.com', '5.1.10']]);
    expect(result.reply.code).toBe(250);
    expect(result.roundTrips).toBe(2);
  });

  test('puts RSET first after a transaction that ended early, in the same flight', () => {
    const result = play(
      sendMessage(transaction(['b@contoso.com'], 'grouped', true)),
      `C: RSET
       C: MAIL FROM:<a@contoso.com> SIZE=25
       C: RCPT TO:<b@contoso.com>
       C: DATA
       S: 250 2.0.0 Resetting
       S: 250 2.1.0 Sender OK
       S: 250 2.1.5 Recipient OK
       S: 354 go
       ${body}
       S: 250 2.0.0 OK`,
      chunking,
    );
    expect(result.accepted).toHaveLength(1);
  });

  test('goes step by step on a server without PIPELINING', () => {
    const result = play(
      sendMessage(transaction(['b@contoso.com', 'c@contoso.com'], 'lock-step')),
      `C: MAIL FROM:<a@contoso.com> SIZE=25
       S: 250 ok
       C: RCPT TO:<b@contoso.com>
       S: 250 ok
       C: RCPT TO:<c@contoso.com>
       S: 251 will forward
       C: DATA
       S: 354 go
       ${body}
       S: 250 ok`,
      chunking,
    );
    expect(result.accepted).toHaveLength(2);
    expect(result.roundTrips).toBe(5);
  });

  test('ends an accepted DATA with a lone dot when no recipient was accepted, and never calls that sent', () => {
    expect(() =>
      play(
        sendMessage(transaction(['b@contoso.com', 'c@contoso.com'], 'grouped')),
        `C: MAIL FROM:<a@contoso.com> SIZE=25
         C: RCPT TO:<b@contoso.com>
         C: RCPT TO:<c@contoso.com>
         C: DATA
         S: 250 ok
         S: 550 5.1.1 no
         S: 550 5.1.1 no
         S: 354 go
         C: .
         S: 250 2.0.0 OK`,
        chunking,
      ),
    ).toThrow(
      expecting({ code: 'ERR_SMTP_RECIPIENTS_REFUSED', stage: 'RCPT', message: expect.stringContaining('and 1 more') }),
    );
  });

  test('a refused sender is reported, whatever the rest of the flight was answered', () => {
    expect(() =>
      play(
        sendMessage(transaction(['b@contoso.com'], 'grouped')),
        `C: MAIL FROM:<a@contoso.com> SIZE=25
         C: RCPT TO:<b@contoso.com>
         C: DATA
         S: 550 5.7.60 Client does not have permissions to send as this sender
         S: 503 5.5.2 Need mail command
         S: 503 5.5.2 Need mail command`,
        chunking,
      ),
    ).toThrow(expecting({ code: 'ERR_SMTP_SENDER_REFUSED', mayHaveBeenSent: false }));
  });

  test('a deferred recipient decides when nobody was accepted', () => {
    expect(() =>
      play(
        sendMessage(transaction(['b@contoso.com', 'c@contoso.com'], 'lock-step')),
        `C: MAIL FROM:<a@contoso.com> SIZE=25
         S: 250 ok
         C: RCPT TO:<b@contoso.com>
         S: 550 5.1.1 no
         C: RCPT TO:<c@contoso.com>
         S: 450 4.2.1 later`,
        chunking,
      ),
    ).toThrow(expecting({ reply: expecting({ code: 450 }), recipients: [expecting({}), expecting({})] }));
  });

  test.each([
    ['DATA refused', '554 5.5.1 no', 'ERR_SMTP_MESSAGE_REFUSED'],
    ['DATA answered 250: the message stays here', '250 ok', 'ERR_SMTP_PROTOCOL'],
  ])('%s', (_name, reply, code) => {
    expect(() =>
      play(
        sendMessage(transaction(['b@contoso.com'], 'lock-step')),
        `C: MAIL FROM:<a@contoso.com> SIZE=25
         S: 250 ok
         C: RCPT TO:<b@contoso.com>
         S: 250 ok
         C: DATA
         S: ${reply}`,
        chunking,
      ),
    ).toThrow(expecting({ code, stage: 'DATA', mayHaveBeenSent: false }));
  });

  test.each([
    ['a refusal after the message is no send', '554 5.2.252 SendAsDenied', 'ERR_SMTP_MESSAGE_REFUSED', false],
    ['an answer that is neither yes nor no leaves it open', '354 again?', 'ERR_SMTP_PROTOCOL', true],
  ])('%s', (_name, reply, code, mayHaveBeenSent) => {
    expect(() =>
      play(
        sendMessage(transaction(['b@contoso.com'], 'grouped')),
        `C: MAIL FROM:<a@contoso.com> SIZE=25
         C: RCPT TO:<b@contoso.com>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         ${body}
         S: ${reply}`,
        chunking,
      ),
    ).toThrow(expecting({ code, mayHaveBeenSent }));
  });

  test('asks for the message only when somebody wants it, where DATA does not ride with the envelope', () => {
    const result = play(
      sendMessage(transaction(['b@contoso.com'], 'envelope')),
      `C: MAIL FROM:<a@contoso.com> SIZE=25
       C: RCPT TO:<b@contoso.com>
       S: 250 ok
       S: 250 ok
       C: DATA
       S: 354 go
       ${body}
       S: 250 ok`,
      chunking,
    );
    expect(result.roundTrips).toBe(3);
  });

  test('counts the message with BDAT once its recipients are known', () => {
    const result = play(
      sendMessage(transaction(['b@contoso.com', 'c@contoso.com'], 'chunked')),
      `C: MAIL FROM:<a@contoso.com> SIZE=25
       C: RCPT TO:<b@contoso.com>
       C: RCPT TO:<c@contoso.com>
       S: 250 ok
       S: 250 ok
       S: 550 5.1.1 no
       C: BDAT 26 LAST
       C: Subject: hi
       C:
       C: .dot
       C: bye
       S: 250 2.0.0 OK`,
      chunking,
    );
    expect(result).toMatchObject({ roundTrips: 2, refused: [{ address: 'c@contoso.com' }] });
  });

  test('sends everything at once and believes the envelope before the message', () => {
    const flight = `C: MAIL FROM:<a@contoso.com> SIZE=25
       C: RCPT TO:<b@contoso.com>
       C: BDAT 26 LAST
       C: Subject: hi
       C:
       C: .dot
       C: bye`;
    const sent = `${flight}
       S: 250 ok
       S: 250 ok
       S: 250 2.0.0 OK`;
    expect(play(sendMessage(transaction(['b@contoso.com'], 'one-flight')), sent, chunking).roundTrips).toBe(1);
    const refused = `${flight}
       S: 250 ok
       S: 550 5.1.1 no
       S: 503 5.5.1 no valid recipients`;
    expect(() => play(sendMessage(transaction(['b@contoso.com'], 'one-flight')), refused, chunking)).toThrow(
      expecting({ code: 'ERR_SMTP_RECIPIENTS_REFUSED', mayHaveBeenSent: false }),
    );
    const contradiction = refused.replace('503 5.5.1 no valid recipients', '250 2.0.0 OK');
    expect(() => play(sendMessage(transaction(['b@contoso.com'], 'one-flight')), contradiction, chunking)).toThrow(
      expecting({ name: 'ProtocolError', mayHaveBeenSent: true }),
    );
  });

  test.each<WireLevel>(['envelope', 'chunked', 'lock-step'])('%s: all recipients or none', (wire) => {
    const envelope =
      wire === 'lock-step'
        ? `C: MAIL FROM:<a@contoso.com> SIZE=25
           S: 250 ok
           C: RCPT TO:<b@contoso.com>
           S: 250 ok
           C: RCPT TO:<c@contoso.com>
           S: 550 5.1.1 no`
        : `C: MAIL FROM:<a@contoso.com> SIZE=25
           C: RCPT TO:<b@contoso.com>
           C: RCPT TO:<c@contoso.com>
           S: 250 ok
           S: 250 ok
           S: 550 5.1.1 no`;
    const all = transaction(['b@contoso.com', 'c@contoso.com'], wire, false, true);
    expect(() => play(sendMessage(all), envelope, chunking)).toThrow(
      expecting({ code: 'ERR_SMTP_RECIPIENTS_REFUSED', recipients: [expecting({ address: 'c@contoso.com' })] }),
    );
  });

  test.each(['MAIL', 'RCPT'])('a 354 to %s is a breach of protocol', (command) => {
    const [mail, rcpt] = command === 'MAIL' ? ['354 go', '250 ok'] : ['250 ok', '354 go'];
    expect(() =>
      play(
        sendMessage(transaction(['b@contoso.com'], 'grouped')),
        `C: MAIL FROM:<a@contoso.com> SIZE=25
         C: RCPT TO:<b@contoso.com>
         C: DATA
         S: ${mail}
         S: ${rcpt}
         S: 503 no`,
        chunking,
      ),
    ).toThrow(expecting({ name: 'ProtocolError', stage: command }));
  });
});
