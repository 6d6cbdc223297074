// What Node.js calls the ways in which a connection fails, for a mail server or a token endpoint.

/** Failures of network and TLS, by the code of the cause. */
export const NETWORK = [
  {
    id: 'network-name-unknown',
    class: 'transient',
    codes: ['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'ESERVFAIL'],
    retry: { giveUpAfter: 3_600_000, afterwards: 'admin' },
    title: 'The host name cannot be resolved',
    cause: 'The name is mistyped, or DNS does not work here at the moment.',
    remedy: 'Check the host name of the account, then DNS on this machine.',
    source: 'node',
  },
  {
    id: 'network-refused',
    class: 'transient',
    codes: ['ECONNREFUSED'],
    retry: { giveUpAfter: 3_600_000, afterwards: 'admin' },
    title: 'Nothing listens at this host and port',
    cause: 'The machine was reached and refused the connection: wrong port, server down, or a firewall that says no.',
    remedy: 'Check host and port: smtp.office365.com takes mail on 587, not on 465.',
    source: 'node',
  },
  {
    id: 'network-unreachable',
    class: 'transient',
    codes: ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'],
    retry: { giveUpAfter: 3_600_000, afterwards: 'admin' },
    title: 'The host cannot be reached',
    cause: 'No answer came to the attempt to connect; many hosting networks block the mail ports on the way out.',
    remedy: 'Open port 587 to the mail host in the firewall, or ask the hosting provider to.',
    source: 'node',
  },
  {
    id: 'network-reset',
    class: 'transient',
    codes: ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'],
    title: 'The connection was torn down',
    cause:
      'The server, or something in between such as a firewall or virus scanner, ended the connection without a word.',
    remedy: 'Try again. If it always happens at the same place, look for a device in between that inspects mail.',
    source: 'node',
  },
  {
    id: 'tls-certificate-expired',
    class: 'admin',
    codes: ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
    title: "The server's certificate is not valid today",
    cause: 'The certificate has expired or is not valid yet; or the clock of this machine is wrong.',
    remedy: 'Check the clock first. Otherwise whoever runs the server has to renew the certificate.',
    source: 'node',
  },
  {
    id: 'tls-issuer-unknown',
    class: 'admin',
    codes: [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    title: "The server's certificate comes from nobody this machine trusts",
    cause:
      'Mostly a proxy or virus scanner in between shows its own certificate, or the server uses a private authority.',
    remedy:
      'Name that authority in NODE_EXTRA_CA_CERTS, or take the mail host out of the inspection. Never switch verification off.',
    source: 'node',
  },
  {
    id: 'tls-name-mismatch',
    class: 'admin',
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    title: "The server's certificate is for another name",
    cause: 'The connection went to an IP address, an alias or another server than the one named in the certificate.',
    remedy: 'Use the host name the provider gives, such as smtp.office365.com.',
    source: 'node',
  },
  {
    id: 'tls-handshake',
    class: 'admin',
    codes: ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_NO_PROTOCOLS_AVAILABLE'],
    title: 'TLS could not be started with this server',
    cause: 'The two have no version of TLS in common, or TLS was begun on a port that starts in clear.',
    remedy:
      'Port 587 starts in clear and upgrades (STARTTLS); port 465 is TLS from the first byte. Check which one the account says.',
    source: 'node',
  },
] as const;
