// A certified OpenID Connect provider on this machine, with its own pages for signing in and for agreeing.
// Its one argument is JSON: port, jwks, clients, and the file that the accounts are read from each time.
import { readFileSync } from 'node:fs';

import { Provider } from 'oidc-provider';

const given = JSON.parse(process.argv[2]);
const account = (id) => JSON.parse(readFileSync(given.accounts, 'utf8'))[id];

const provider = new Provider(`http://127.0.0.1:${given.port}`, {
  clients: given.clients,
  jwks: given.jwks,
  cookies: { keys: ['a key for tests alone'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  conformIdTokenClaims: !given.inIdToken,
  findAccount: (_context, id) => account(id) && { accountId: id, claims: () => ({ sub: id, ...account(id) }) },
  pkce: { required: () => true },
  features: { rpInitiatedLogout: { enabled: true } },
});

provider.listen(given.port, '127.0.0.1', () => console.log('listening'));
