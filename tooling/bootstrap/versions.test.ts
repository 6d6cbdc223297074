import { expect, test } from 'vitest';
import { platformKey, suitsTheTools } from './versions.mjs';

test.each([
  ['18.20.8', false],
  ['20.19.0', false],
  ['20.20.2', false],
  ['21.7.3', false],
  ['22.17.1', false],
  ['22.18.0', true],
  ['22.23.3', true],
  ['23.11.1', false],
  ['24.10.0', false],
  ['24.11.0', true],
  ['25.9.0', false],
  ['26.0.0', true],
  ['26.10.0', true],
  ['30.0.0', true],
  ['26.0.0-nightly20260101', true],
])('Node %s suits the tools: %s', (version, suits) => {
  expect(suitsTheTools(version)).toBe(suits);
});

test.each([
  [{ platform: 'linux', arch: 'x64', musl: false }, 'linux-x64'],
  [{ platform: 'linux', arch: 'arm64', musl: true }, 'linux-arm64-musl'],
  [{ platform: 'win32', arch: 'x64', musl: false }, 'win32-x64'],
])('%o has the key %s', (machine, key) => {
  expect(platformKey(machine)).toBe(key);
});
