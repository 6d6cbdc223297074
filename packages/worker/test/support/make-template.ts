// Makes the empty database that embedded stores of tests begin with, in a process that gives its memory back.
import { prepareTemplate } from './embedded.ts';

await prepareTemplate();
