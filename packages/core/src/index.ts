export { type Reply, replyText } from './smtp/reply.ts';
export * from './errors.ts';
export { Secret } from './secret.ts';
export {
  accessToken,
  type AccessToken,
  type AccessTokenInput,
  type TokenRequest,
  type TokenSource,
} from './oauth/token-source.ts';
