// Which Node the development tools get. The published packages support more (see their `engines`).

/**
 * vitest 5 and changesets 3 want ^22.12, ^24 or >=26; TypeScript files run unflagged from 22.18, and 24.11 is the first
 * 24 with long-term support. Odd releases between them are supported by nobody.
 *
 * @param {string} version such as `22.18.0`
 */
export function suitsTheTools(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26;
}

/**
 * @param {{ platform: string, arch: string, musl: boolean }} machine
 * @returns {string} the key of toolchain.json's `platforms`
 */
export function platformKey({ platform, arch, musl }) {
  return `${platform}-${arch}${musl ? '-musl' : ''}`;
}

/** The machine this runs on. */
export const thisMachine = {
  platform: process.platform,
  arch: process.arch,
  get musl() {
    if (process.platform !== 'linux') return false;
    const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
    return report.header.glibcVersionRuntime === undefined;
  },
};
