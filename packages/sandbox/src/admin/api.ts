// The administrator's side over HTTP. README.md shows the requests.
import type { Route } from '../api.ts';
import { sendJson } from '../http.ts';
import { ADMIN_COMMANDS, directoryView, runAdmin } from './admin.ts';
import type { AdminSource } from './command.ts';

export const ADMIN_ROUTES: readonly Route<{ readonly admin: AdminSource }>[] = [
  ['GET', /^\/api\/directory$/, ({ source, response }) => sendJson(response, 200, directoryView(source.admin))],
  [
    'GET',
    /^\/api\/admin$/,
    ({ response }) => {
      const commands = Object.entries(ADMIN_COMMANDS);
      const listed = commands.map(([name, { says, parameters }]) => ({ name, says, parameters }));
      sendJson(response, 200, listed);
    },
  ],
  [
    'POST',
    /^\/api\/admin\/([\w-]+)$/,
    ({ source, response, parameters: [name = ''], body }) =>
      sendJson(response, 200, runAdmin(source.admin, name, body) ?? null),
  ],
];
