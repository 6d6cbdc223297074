// What the demo tells its worker, in one variable of the environment.
import type { Target } from '../target.ts';

export interface WorkerSettings extends Pick<Target, 'tokenEndpoint' | 'clientId' | 'user' | 'sender' | 'to'> {
  readonly dir: string;
  readonly clientSecret: string;
  readonly server: { readonly host: string; readonly port: number; readonly ca: string };
}

const VARIABLE = 'MAILGRANT_DEMO_WORKER';

export function writeWorkerSettings(settings: WorkerSettings): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(settings) };
}

export function readWorkerSettings(env: NodeJS.ProcessEnv): WorkerSettings {
  return JSON.parse(env[VARIABLE] ?? '') as WorkerSettings; // the demo wrote it
}
