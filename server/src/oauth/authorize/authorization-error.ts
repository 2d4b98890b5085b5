import type { OAuthErrorCode } from '../../failure.ts';

/** A refusal that the application is told. `description` is ASCII without quotes and backslashes (RFC 6749 §4.1.2.1). */
export interface AuthorizationError {
  error: OAuthErrorCode;
  description: string;
}

export const refuse = (error: OAuthErrorCode, description: string): AuthorizationError => ({ error, description });

export const isError = (result: object): result is AuthorizationError => 'error' in result;
