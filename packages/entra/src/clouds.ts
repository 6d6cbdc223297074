// Microsoft's clouds: where their tokens come from, and the resource that stands for mail in each.

/** A cloud of Microsoft's, or what stands in for one. */
export interface EntraCloud {
  /** Origin of the token service: `https://login.microsoftonline.com`. Plain http to this machine only. */
  readonly authority: string;
  /** What an application asks for. */
  readonly applicationScope?: string | undefined;
  /** What is asked for in a person's name; `openid`, `profile` and `offline_access` are added. */
  readonly delegatedScope?: string | undefined;
}

export type EntraCloudName = 'worldwide' | 'usgov' | 'usgov-dod' | 'china';

/**
 * What is known of the clouds, as of 2026-11-20. `worldwide` (with GCC) is documented by Microsoft; `usgov` (GCC High) is
 * what several products use; the scopes of `usgov-dod` and `china` are likely, not confirmed: `scope` replaces them.
 */
export const CLOUDS: Readonly<Record<EntraCloudName, EntraCloud>> = {
  worldwide: {
    authority: 'https://login.microsoftonline.com',
    applicationScope: 'https://outlook.office365.com/.default',
    delegatedScope: 'https://outlook.office.com/SMTP.Send',
  },
  usgov: {
    authority: 'https://login.microsoftonline.us',
    applicationScope: 'https://outlook.office365.us/.default',
    delegatedScope: 'https://outlook.office365.us/SMTP.Send',
  },
  'usgov-dod': {
    authority: 'https://login.microsoftonline.us',
    applicationScope: 'https://outlook.office365.us/.default',
    delegatedScope: 'https://outlook.office365.us/SMTP.Send',
  },
  china: {
    authority: 'https://login.partner.microsoftonline.cn',
    applicationScope: 'https://partner.outlook.cn/.default',
    delegatedScope: 'https://partner.outlook.cn/SMTP.Send',
  },
};
