// Mail errors as HTTP answers. They name recipients and quote servers: none of that is for whoever made the request.
import { InputError, MailError } from '@mailgrant/core';
import { httpProblem } from '@mailgrant/mail';
import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/**
 * Answers with a fitting status, a general sentence, the error's code and, where it is known, `Retry-After`; logs what happened
 * without addresses. For all controllers: `{ provide: APP_FILTER, useClass: MailExceptionFilter }`.
 */
@Injectable()
@Catch(MailError, InputError)
export class MailExceptionFilter implements ExceptionFilter<MailError | InputError> {
  readonly #host: HttpAdapterHost;
  readonly #logger = new Logger('MailExceptionFilter');

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost) {
    this.#host = host;
  }

  catch(error: MailError | InputError, host: ArgumentsHost): void {
    // Other transports have answers of their own.
    if (host.getType() !== 'http') throw error;
    const { status, title, code, retryAfter } = httpProblem(error);
    this.#logger.error(summaryOf(error));
    const { httpAdapter } = this.#host;
    const response: unknown = host.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return;
    }
    if (retryAfter !== undefined) httpAdapter.setHeader(response, 'Retry-After', String(retryAfter));
    httpAdapter.reply(response, { statusCode: status, message: title, code }, status);
  }
}

function summaryOf(error: MailError | InputError): string {
  if (!(error instanceof MailError)) return `${error.name} ${error.code}`;
  const { name, code, stage, mayHaveBeenSent } = error;
  return `${name} ${code}${stage ? ` at ${stage}` : ''}${mayHaveBeenSent ? '; a copy may have been sent' : ''}`;
}
