// Commands about the store as a whole.
import { createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { engineSql } from '../../engine.ts';
import { migrate, migrationSql, pendingMigrations } from '../../schema/migrate.ts';
import { openStore } from '../../store/open-store.ts';
import { exportStore } from '../../transfer/export.ts';
import { importStore } from '../../transfer/import.ts';
import { type Command, type CommandContext, jsonText } from '../command.ts';
import { UsageError } from '../process-error.ts';
import { fields } from '../table.ts';

const migrateCommand: Command = {
  name: 'migrate',
  summary: 'bring the tables up to date, or print the SQL that does',
  usage: `migrate [--sql]

  --sql                print the statements instead of running them`,
  options: { sql: { type: 'boolean' } },
  async run(context) {
    if (context.values['sql'] === true) {
      context.print(`${migrationSql()}\n${engineSql()}\n`);
      return 0;
    }
    const { store: options } = await context.load();
    const store = await openStore({ ...options, migrate: true });
    try {
      const pending = await pendingMigrations(store.db);
      const done = pending.length === 0 ? [] : await migrate(store.db);
      if (context.json) context.print(jsonText({ done }));
      else context.print('The tables are up to date.\n');
    } finally {
      await store.close();
    }
    return 0;
  },
};

const exportCommand: Command = {
  name: 'export',
  summary: 'everything in the store as lines of JSON, to move it or to keep',
  usage: `export <file>

The worker on an embedded store has to be stopped first. The file holds addresses and messages; only its owner can read it.`,
  positionals: true,
  async run(context) {
    const file = fileOf(context);
    const { store: options } = await context.load();
    const store = await openStore({ ...options, migrate: options.kind === 'embedded' });
    try {
      const unfinished = `${file}.unfinished`;
      await pipeline(
        exportStore(store, context.now),
        createWriteStream(unfinished, { flags: 'w', mode: 0o600, flush: true }),
      );
      await rename(unfinished, file);
    } finally {
      await store.close();
    }
    context.note(`Exported to ${file}.\n`);
    return 0;
  },
};

const importCommand: Command = {
  name: 'import',
  summary: 'put an export into an empty store',
  usage: `import <file>

All of it or nothing. Nothing may work on the store meanwhile; a worker that starts on it then sends what is due.`,
  positionals: true,
  async run(context) {
    const file = fileOf(context);
    const { store: options } = await context.load();
    const source = await open(file, 'r').catch((cause: unknown) => {
      throw new UsageError(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`, {
        cause,
      });
    });
    const store = await openStore({ ...options, migrate: true });
    try {
      const { rows, bodies } = await importStore(store, source.createReadStream());
      if (context.json) context.print(jsonText({ rows, bodies }));
      else context.print(fields([...Object.entries(rows), ['large messages', bodies]]));
    } finally {
      await store.close();
      await source.close().catch(() => {}); // its stream has closed it
    }
    return 0;
  },
};

function fileOf({ positionals, cwd }: CommandContext): string {
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('Give the name of one file.');
  return resolve(cwd, file);
}

export const storeCommands: readonly Command[] = [exportCommand, importCommand, migrateCommand];
