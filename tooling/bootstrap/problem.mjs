/** Something that went wrong and that a person can act on: printed as it stands, without a stack trace. */
export class Problem extends Error {
  /**
   * @param {string} message what failed, and what to do about it
   * @param {string} [output] all that the failed program printed
   */
  constructor(message, output = '') {
    super(message);
    this.output = output.trim();
  }
}

/**
 * @param {unknown} error
 * @returns {string} the system's code for it (`EACCES`), or '' where there is none
 */
export function systemCode(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** @param {string} message one line to the person who waits, on stderr: stdout belongs to the command */
export function say(message) {
  process.stderr.write(`bootstrap: ${message}\n`);
}
