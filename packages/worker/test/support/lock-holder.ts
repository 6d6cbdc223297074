// A process that takes a directory and keeps it until its input ends.
import { lockDirectory } from '../../src/store/lock.ts';

const [dir = '', warn] = process.argv.slice(2);
lockDirectory(dir);
if (warn !== undefined) process.emitWarning('another warning');
process.stdin.resume();
process.stdout.write('locked\n');
