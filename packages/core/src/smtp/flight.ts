// What goes out together, as one write where it is small: one TLS record instead of several.
import type { Writable } from 'node:stream';

/** Up to this many bytes a flight is copied into one write. */
export const ONE_WRITE: number = 64 * 1024;

export type Piece = string | Uint8Array;

export function writeFlight(socket: Writable, pieces: readonly Piece[]): void {
  let length = 0;
  for (const piece of pieces) length += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
  if (length > ONE_WRITE) {
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    return;
  }
  const flight = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') at += flight.write(piece, at);
    else {
      flight.set(piece, at);
      at += piece.length;
    }
  }
  socket.write(flight);
}
