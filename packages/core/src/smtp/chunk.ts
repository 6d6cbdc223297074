// Pieces of a message put together to one BDAT chunk (RFC 3030 section 2), command and data in one write.

/** Bytes of a whole chunk. Exchange refused messages that came in many small ones; large ones also save replies. */
const WHOLE = 1024 * 1024;
/** Bytes to begin with: most messages that are streamed are no whole chunk. */
const FIRST = 64 * 1024;
/** Room for the command. */
const COMMAND = 'BDAT 1048576 LAST\r\n'.length;

export class Chunk {
  #buffer = Buffer.allocUnsafeSlow(COMMAND + FIRST);
  #length = 0;

  /** Copies as much of the bytes as it has room for and says how much that was. */
  add(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, WHOLE - this.#length);
    this.#makeRoom(this.#length + taken);
    this.#buffer.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), COMMAND + this.#length);
    this.#length += taken;
    return taken;
  }

  get full(): boolean {
    return this.#length === WHOLE;
  }

  /** Command and data, good until something is added. The next chunk begins. */
  take(last = ''): Uint8Array {
    const command = `BDAT ${this.#length}${last}\r\n`;
    const start = COMMAND - command.length;
    this.#buffer.write(command, start, 'latin1');
    const end = COMMAND + this.#length;
    this.#length = 0;
    return this.#buffer.subarray(start, end);
  }

  #makeRoom(length: number): void {
    if (COMMAND + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(COMMAND + Math.min(WHOLE, Math.max(length, 4 * this.#length)));
    this.#buffer.copy(larger, 0, 0, COMMAND + this.#length);
    this.#buffer = larger;
  }
}
