import { expect, test } from 'vitest';
import { AADSTS, createSandbox } from '../src/index.ts';
import { requestToken } from './clients.ts';

test('every refusal in the table can be had for the next request, in the words of Entra', async () => {
  await using sandbox = await createSandbox();
  for (const [number, { error, suberror }] of AADSTS) {
    sandbox.entra.next({ aadsts: number });
    const { status, body } = await requestToken(sandbox);
    expect(status, String(number)).toBe(
      error === 'invalid_client' ? 401 : error === 'temporarily_unavailable' ? 503 : 400,
    );
    expect(body).toMatchObject({ error, error_codes: [number], ...(suberror !== undefined && { suberror }) });
    expect(body['error_description']).toMatch(new RegExp(`^AADSTS${number}: [^{}]+ Trace ID: `));
  }
  expect(sandbox.tokenRequests).toHaveLength(AADSTS.size);
  expect((await requestToken(sandbox)).status).toBe(200);
  sandbox.entra.next({ aadsts: 90055, status: 429, retryAfter: 7 });
  const throttled = await requestToken(sandbox);
  expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '7']);
});

test('a number that is not in the table is refused at once', async () => {
  await using sandbox = await createSandbox();
  expect(() => sandbox.entra.next({ aadsts: 1 })).toThrow("AADSTS1 is not in the sandbox's table");
});

// Microsoft's numbers for what a mail sender can meet, collected 2026-11-20.
const CATALOGUE =
  `16000 28002 28003 50001 500011 50011 50012 700027 50013 500133 50014 50020 50034 51004 50033 50087 90006 90012 90024 90033
  90090 50048 50053 50055 50144 50056 50064 50126 50057 50058 50059 50128 90019 900023 50072 50074 50076 50078 50079 50158 50097
  53000 53001 53002 50105 50131 53003 530032 530035 50132 50133 50173 50147 501481 501491 50194 50196 500021 500022 500014 500341
  5000224 53004 53010 53011 54005 65001 65002 65004 65005 650052 650054 650056 650057 70000 70001 7000112 700005 70002 7000215
  700016 7000229 7000218 700025 7000222 70003 9001023 700024 700211 700212 700213 70025 700229 70008 700082 700084 70043 70011
  700022 700023 70012 70016 70018 70019 90002 90009 90014 900144 9002313 90023 90100 90038 90051 900382 900432 90055 90094 90095
  90124 90130 9002332 90027 1000031 1000104 135010 240002`
    .split(/\s+/)
    .map(Number);

test('the table has every row a mail sender can meet', () => {
  expect(CATALOGUE.filter((number) => !AADSTS.has(number))).toEqual([]);
  expect(CATALOGUE.length).toBeGreaterThan(125);
});
