import type { ScopeCatalogue } from '../../scopes/index.ts';
import { FEATURES, type FeatureFacts, type Metadata, metadataOf } from './features.ts';

export interface ServerMetadataDeps extends Omit<FeatureFacts, 'url'> {
  issuer(): string;
  catalogue: ScopeCatalogue;
  isMounted(path: string): boolean;
  /** Whether a client may be described at the URL which is its id. */
  readsClientDocuments: boolean;
}

/**
 * RFC 8414 §2 and OpenID Connect Discovery §3: one document, the same at each of its places. `issuer` is what the
 * setting says, byte for byte (security E1), and every URL begins with it (security E2).
 */
export function serverMetadata(deps: ServerMetadataDeps): Metadata {
  const { issuer, catalogue, isMounted, readsClientDocuments, ...facts } = deps;
  const url = (path: string) => issuer() + path;
  return {
    issuer: issuer(),
    ...metadataOf(FEATURES, isMounted, { ...facts, url }),
    client_id_metadata_document_supported: readsClientDocuments,
    scopes_supported: catalogue.names(),
    service_documentation: url('/docs/errors'),
  };
}
