// Plain words for what npm, pnpm and the file system report.
import { userInfo } from 'node:os';
import { Problem, systemCode } from './problem.mjs';

/** @type {readonly (readonly [RegExp, string])[]} first match counts */
const REASONS = [
  [
    /ERR_PNPM_OUTDATED_LOCKFILE/,
    'pnpm-lock.yaml is not up to date with the package.json files. Renew it: node tooling/bootstrap/run.mjs pnpm install',
  ],
  [
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b|tcp connect error|dns error/,
    'the npm registry cannot be reached. Check the network and the proxy settings (npm ping), then run this again',
  ],
  [
    /\b(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|CERT_HAS_EXPIRED)\b|invalid peer certificate/,
    'the certificate of the npm registry is not trusted here (npm config get cafile, NODE_EXTRA_CA_CERTS)',
  ],
  [/\b(ENOSPC|EDQUOT)\b|No space left/, 'the disk is full'],
  [/\b(EACCES|EPERM|EROFS)\b|Permission denied|Read-only file system/, 'writing is not allowed'],
  [/\b(E404|ETARGET)\b|ERR_PNPM_FETCH_404/, 'the npm registry does not have it'],
  [/\b(E401|E403)\b|ERR_PNPM_FETCH_40[13]/, 'the npm registry refuses to give it'],
];

/**
 * @param {string} output of npm or pnpm
 * @returns {string}
 */
export function reasonFrom(output) {
  return REASONS.find(([pattern]) => pattern.test(output))?.[1] ?? 'see its output above';
}

/**
 * @param {unknown} error
 * @returns {unknown} a Problem for an error of the file system; anything else as it came
 */
export function explained(error) {
  if (!(error instanceof Error) || !('path' in error)) return error;
  const path = String(error.path);
  switch (systemCode(error)) {
    case 'EACCES':
    case 'EPERM':
      return new Problem(`no permission to write ${path}; this runs as ${userInfo().username}. Who owns the folder?`);
    case 'EROFS':
      return new Problem(`cannot write ${path}: the file system is read-only`);
    case 'ENOSPC':
    case 'EDQUOT':
      return new Problem(`cannot write ${path}: the disk is full`);
    case 'EEXIST':
    case 'ENOTDIR':
      return new Problem(`cannot write ${path}: a file stands where a folder belongs. Move it away and run this again`);
    default:
      return error;
  }
}
