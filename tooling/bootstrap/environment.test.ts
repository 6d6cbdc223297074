import { delimiter } from 'node:path';
import { expect, test } from 'vitest';
import { insideToolchain, withoutNpmRun } from './environment.mjs';

test('what npm run adds goes, what the person set stays', () => {
  const set = { HOME: '/h', npm_config_registry: 'https://mirror.example', npm_config_ignore_scripts: 'true' };
  const added = { INIT_CWD: '/x', npm_lifecycle_event: 'test', npm_package_name: 'm', npm_config_prefix: '/usr' };
  expect(withoutNpmRun({ ...set, ...added })).toEqual(set);
});

test('the toolchain goes first in the PATH, whatever its name is spelled like', () => {
  const { Path, PATH } = insideToolchain({ Path: 'C:\\bin' }, { folders: ['a', 'b'], nodeVersion: '26.10.0' });
  expect(Path).toBe(['a', 'b', 'C:\\bin'].join(delimiter));
  expect(PATH).toBeUndefined();
});

test('pnpm is told of the registry that npm was told of', () => {
  const env = insideToolchain(
    { npm_config_registry: 'https://mirror.example' },
    { folders: [], nodeVersion: '26.0.0' },
  );
  expect(env['pnpm_config_registry']).toBe('https://mirror.example');
});

test('an inner run keeps the Node of the outermost one', () => {
  const env = insideToolchain({ MAILGRANT_HOST_NODE: '/usr/bin/node' }, { folders: [], nodeVersion: '26.0.0' });
  expect(env['MAILGRANT_HOST_NODE']).toBe('/usr/bin/node');
  expect(insideToolchain({}, { folders: [], nodeVersion: '26.0.0' })['MAILGRANT_HOST_NODE']).toBe(process.execPath);
});
