import { expect, test } from 'vitest';
import { type Finding, printed } from './report.ts';

const finding = (name: string, verdict: Finding['verdict'], remark?: string): Finding => ({
  case: name,
  verdict,
  remark,
  milliseconds: 1,
});

test('a column for each server, a line for each case, and in full what was skipped, known and failed', () => {
  const findings = [finding('text', 'passed', '9 round trips'), finding('dots', 'failed', 'differs at byte 7')];
  const others = [finding('text', 'known', 'hangs up'), finding('dots', 'not offered', 'BDAT is not offered')];
  expect(
    printed([
      { name: 'one', version: 'One 1.0', skipped: undefined, findings },
      { name: 'two', version: 'Two 2.0', skipped: undefined, findings: others },
      { name: 'three', version: '', skipped: 'not here', findings: [] },
    ]),
  ).toBe(`         One 1.0             Two 2.0
  text   ok, 9 round trips   known
  dots   FAILED              –

Skipped
  three: not here

Known
  Two 2.0, text: hangs up

Failed
  One 1.0, dots: differs at byte 7`);
});
