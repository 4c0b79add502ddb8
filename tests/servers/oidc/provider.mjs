// Copyright (c) 2026, The labfleet.identity developers
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// node provider.mjs PACKAGES CONFIGURATION PORT: an OpenID Connect provider with the addresses and claims of Globus Auth.
// PACKAGES is the directory that has oidc-provider in its node_modules. CONFIGURATION is a JSON file with the clients, and
// the claims of the people by their subject, with which they log in. Every person is believed without a password.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [packages, configuration, port] = process.argv.slice(2);
const entry = createRequire(`${packages}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(entry));
const { people, clients } = JSON.parse(readFileSync(configuration, 'utf8'));

const key = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
const ALGORITHMS = ['RS256', 'RS512', 'ES256', 'EdDSA'];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' }), key('ed25519')] },
  enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
  routes: {
    authorization: '/v2/oauth2/authorize',
    token: '/v2/oauth2/token',
    userinfo: '/v2/oauth2/userinfo',
    revocation: '/v2/oauth2/token/revoke',
    jwks: '/jwk.json',
  },
  scopes: ['openid', 'profile', 'email', 'urn:globus:auth:scope:auth.globus.org:view_identity_set'],
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username', 'organization', 'identity_provider', 'identity_provider_display_name', 'orcid'],
    email: ['email'],
    'urn:globus:auth:scope:auth.globus.org:view_identity_set': ['identity_set'],
  },
  conformIdTokenClaims: false, // Globus Auth puts the claims into the id_token as well
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ['of-tests-only'] },
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
  findAccount: (_context, sub) => people[sub] && { accountId: sub, claims: () => ({ ...people[sub], sub }) },
});

// what tests want to know, and no provider tells: how many access tokens were made, and how many taken back
const counts = { issued: 0, revoked: 0 };
provider.on('access_token.saved', () => { counts.issued += 1; });
provider.on('access_token.destroyed', () => { counts.revoked += 1; });
provider.use(async (context, next) => {
  if (context.path !== '/of-tests/counts') return next();
  context.body = counts;
});

provider.listen(Number(port), '127.0.0.1');
