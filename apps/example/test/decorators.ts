// For `node --import`: Node runs TypeScript as it is, but for the decorators of Nest's users.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'rolldown/utils';

type Decorator = (target: object, key?: string | symbol, at?: number | PropertyDescriptor) => unknown;

/** What the compiled code calls, as the compiler would write it into each file. */
const babelHelpers = {
  decorate(decorators: readonly Decorator[], target: object, key?: string | symbol, given?: null): unknown {
    let result: unknown = key === undefined ? target : Object.getOwnPropertyDescriptor(target, key);
    for (const decorator of decorators.toReversed()) {
      result =
        (key === undefined ? decorator(result as object) : decorator(target, key, result as PropertyDescriptor)) ??
        result;
    }
    if (key !== undefined && given === null) Object.defineProperty(target, key, result as PropertyDescriptor);
    return result;
  },
  decorateParam: (at: number, decorator: Decorator) => (target: object, key?: string | symbol) =>
    decorator(target, key, at),
  decorateMetadata: (key: string, value: unknown) =>
    (Reflect as unknown as { metadata(key: string, value: unknown): Decorator }).metadata(key, value),
};
Object.assign(globalThis, { babelHelpers });

registerHooks({
  load(url, context, nextLoad) {
    if (!/\/(?:packages\/nestjs\/src|example\/src\/nest)\/.*\.ts$/.test(url)) return nextLoad(url, context);
    const path = fileURLToPath(url);
    const { code, errors } = transformSync(path, readFileSync(path, 'utf8'), {
      lang: 'ts',
      tsconfig: false,
      helpers: { mode: 'External' },
      decorator: { legacy: true, emitDecoratorMetadata: true },
      typescript: { onlyRemoveTypeImports: true },
    });
    if (errors.length > 0) throw new SyntaxError(`${path}: ${errors.map(({ message }) => message).join('\n')}`);
    return { format: 'module', source: code, shortCircuit: true };
  },
});
