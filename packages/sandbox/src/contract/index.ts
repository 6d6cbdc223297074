// The contract test suite: what every adapter promises, whatever framework it is for.
import { connecting } from './connecting.ts';
import { type ContractCase, type ContractHarness, type ContractRunner, lacking } from './contract.ts';
import { ending } from './ending.ts';
import { refusing } from './refusing.ts';
import { sending } from './sending.ts';
import { standing } from './standing.ts';

export type {
  ContractAccount,
  ContractAttachment,
  ContractCapability,
  ContractCase,
  ContractHarness,
  ContractMail,
  ContractReceipt,
  ContractRunner,
  ContractSender,
  ContractSendOptions,
  ContractSubject,
} from './contract.ts';

/** Every case of the contract, each with a sandbox of its own; they may run in any order, one after the other. */
export const contractCases: readonly ContractCase[] = [...sending, ...refusing, ...ending, ...connecting, ...standing];

/**
 * Declares a test for each case. What the adapter does not promise is declared as skipped, with the reason in its name.
 *
 * ```ts
 * describeContract({ describe, test }, 'my adapter', { open: async (account) => …, without: ['names'] });
 * ```
 */
export function describeContract({ describe, test }: ContractRunner, name: string, harness: ContractHarness): void {
  describe(`contract: ${name}`, () => {
    for (const one of contractCases) {
      const missing = lacking(one, harness);
      const run = (): Promise<void> => one.run(harness);
      if (missing.length === 0) test(one.name, run);
      else test.skip(`${one.name} (without ${missing.join(', ')})`, run);
    }
  });
}
