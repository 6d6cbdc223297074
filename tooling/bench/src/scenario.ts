// What every scenario is given and gives back.
import type { Certificate } from './certificate.ts';
import { Remote, program } from './remote.ts';
import type { Findings } from './report.ts';
import type { ServerProcedures } from './servers/procedures.ts';
import type { WorkProcedures } from './work/procedures.ts';

export interface Context {
  readonly certificate: Certificate;
  /** File with `certificate`, for what only NODE_EXTRA_CA_CERTS can tell. */
  readonly certificateFile: string;
  /** A folder for files; it goes when the bench ends. */
  readonly folder: string;
  /** A look at whether everything works; the figures mean little. */
  readonly quick: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  run(context: Context): Promise<Findings>;
}

/** A process for servers. */
export const startServers = (): Remote<ServerProcedures> => new Remote<ServerProcedures>(program('servers/procedures'));

/** A process for one client. */
export const startWorker = ({ certificateFile }: Context): Remote<WorkProcedures> =>
  new Remote<WorkProcedures>(program('work/procedures'), { NODE_EXTRA_CA_CERTS: certificateFile });
