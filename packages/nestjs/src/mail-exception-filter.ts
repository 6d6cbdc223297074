// Mail errors as answers to requests. They name recipients and quote servers: none of that is for whoever made the request.
import type { EventEmitter } from 'node:events';
import { InputError, MailError } from '@mailgrant/core';
import { httpProblem, type HttpProblem } from '@mailgrant/mail';
import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';

/**
 * Answers with a fitting status, a general sentence, the error's code and, where it is known, `Retry-After`; other transports
 * with sentence and code. Logs what happened without addresses. For all controllers: `{ provide: APP_FILTER, useClass: MailExceptionFilter }`.
 */
@Injectable()
@Catch(MailError, InputError)
export class MailExceptionFilter implements ExceptionFilter<MailError | InputError> {
  readonly #host: HttpAdapterHost;
  readonly #logger = new Logger('MailExceptionFilter');

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost) {
    this.#host = host;
  }

  catch(error: MailError | InputError, host: ArgumentsHost): unknown {
    this.#logger.error(summaryOf(error));
    const problem = httpProblem(error);
    const { status, title: message, code } = problem;
    switch (host.getType<string>()) {
      case 'http':
        return this.#reply(host.switchToHttp().getResponse(), problem);
      case 'rpc':
        return throwError(() => ({ status: 'error', message, code }));
      case 'ws':
        host.switchToWs().getClient<EventEmitter>().emit('exception', { status: 'error', message, code });
        return undefined;
      default: // GraphQL shows the messages of errors to its clients
        throw new HttpException({ statusCode: status, message, code }, status);
    }
  }

  #reply(response: unknown, { status, title: message, code, retryAfter }: HttpProblem): void {
    const { httpAdapter } = this.#host;
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return;
    }
    if (retryAfter !== undefined) httpAdapter.setHeader(response, 'Retry-After', String(retryAfter));
    httpAdapter.reply(response, { statusCode: status, message, code }, status);
  }
}

function summaryOf(error: MailError | InputError): string {
  if (!(error instanceof MailError)) return `${error.name} ${error.code}`;
  const { name, code, stage, mayHaveBeenSent } = error;
  return `${name} ${code}${stage ? ` at ${stage}` : ''}${mayHaveBeenSent ? '; a copy may have been sent' : ''}`;
}
