// Commands about the store as a whole.
import { engineSql } from '../../engine.ts';
import { migrate, migrationSql, pendingMigrations } from '../../schema/migrate.ts';
import { openStore } from '../../store/open-store.ts';
import { type Command, jsonText } from '../command.ts';

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

export const storeCommands: readonly Command[] = [migrateCommand];
