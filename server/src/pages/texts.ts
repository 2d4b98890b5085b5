import { APPLICATION_TEXTS } from './application-texts.ts';

/** Every text of the pages. To translate them, translate the values here; names and functions stay. */
export const TEXTS = {
  language: 'en',

  fields: {
    email: 'Email',
    name: 'Name',
    optional: 'optional',
    password: 'Password',
    currentPassword: 'Current password',
    newPassword: 'New password',
    passwordHint: (shortest: number) => `At least ${shortest} characters. A few unrelated words work well.`,
  },

  errors: {
    title: (title: string) => `Error: ${title}`,
    empty: 'Fill this in.',
    field: (message: string) => `This ${message}.`,
    tooMany: (minutes: number) =>
      minutes <= 1
        ? 'Too many attempts. Try again in a minute.'
        : `Too many attempts. Try again in ${minutes} minutes.`,
    oldForm: 'This page was open for too long, or cookies are blocked. Open it again.',
    back: 'Go to the start',
    requestId: (id: string) => `Request ${id}`,
    pages: {
      403: { title: 'That did not work', lead: null },
      404: { title: 'Page not found', lead: 'There is nothing at this address. It may have been mistyped, or moved.' },
      405: { title: 'That did not work', lead: 'This address takes no such request. Open the page again.' },
      413: { title: 'Too much at once', lead: 'The form was larger than this server takes.' },
      429: { title: 'Too many attempts', lead: 'Wait a while, then try again.' },
      500: {
        title: 'Something broke',
        lead: 'The fault is on this side. Try again; if it stays, tell whoever runs this service.',
      },
      503: { title: 'Back in a moment', lead: 'The service cannot be reached just now. Try again shortly.' },
      other: { title: 'That did not work', lead: 'The request could not be read. Open the page again.' },
    } as Record<string, { title: string; lead: string | null }>,
  },

  mail: {
    where: 'It can take a minute. If nothing comes, look into the spam folder.',
    kept: 'This development server keeps mails instead of sending them.',
    toKept: 'Open the mail',
  },

  signIn: {
    title: 'Sign in',
    titleAgain: 'Sign in again',
    submit: 'Continue',
    forgot: 'Forgot it?',
    byPasskey: 'Sign in with a passkey',
    or: 'or',
    goesOnTo: (name: string) => `Then you go on to ${name}.`,
    wantedBy: (name: string) => `${name} asks for it, to be sure that it is you.`,
    newHere: 'New here?',
    signUp: 'Create an account',
    wrong: 'The email or the password is wrong.',
    done: {
      recovered: 'Your password is changed. Sign in with the new one.',
      signed_out: 'You are signed out.',
      over: 'That took too long, or too many tries. Begin again.',
      email_verified: 'Your address is confirmed.',
      email_changed: 'Your address is changed. Sign in with the new one.',
    },
  },

  secondFactor: {
    title: 'One more step',
    app: {
      lead: 'Enter the code that your authenticator app shows.',
      label: 'Code',
      hint: 'Six digits; a new code every 30 seconds.',
    },
    backup: {
      lead: 'Enter one of the backup codes that you kept. Each works once.',
      label: 'Backup code',
      hint: 'Like xxxx-xxxx-xxxx-xxxx.',
    },
    passkeyLead: 'Confirm with a passkey of yours.',
    submit: 'Continue',
    byPasskey: 'Use a passkey',
    useBackup: 'Use a backup code',
    useApp: 'Use the authenticator app',
    startOver: 'Start over',
    wrong: 'This code is wrong, or was used already.',
  },

  signUp: {
    title: 'Create an account',
    submit: 'Create account',
    haveAccount: 'Have an account?',
    signIn: 'Sign in',
    closedTitle: 'Accounts are not open',
    closed: {
      invitation: 'Accounts are made by invitation. Open the link in yours.',
      closed: 'Accounts are made by whoever runs this service. Ask them for one.',
    },
    sentTitle: 'Look into your mail',
    sent: 'We sent you a link. Open it to finish.',
    confirmTitle: 'Confirm your account',
    confirmLead: (email: string) => `Enter the password that you chose for ${email}.`,
    confirm: 'Confirm and sign in',
    otherPassword: 'This is not the password that you chose when you signed up.',
  },

  recover: {
    title: 'Recover your account',
    lead: 'Tell us your address, and we send a link for a new password.',
    submit: 'Send the link',
    back: 'Back to sign in',
    sentTitle: 'Look into your mail',
    sent: 'If there is an account with this address, a link is on its way. It works for one hour.',
    newTitle: 'Choose a new password',
    newLead: (email: string) => `For ${email}. You will be signed out everywhere.`,
    save: 'Save password',
  },

  emailLinks: {
    verify_email: {
      title: 'Confirm your address',
      lead: (email: string) => `Is ${email} yours?`,
      submit: 'Confirm address',
    },
    change_email: {
      title: 'Change your address',
      lead: (email: string) => `From now on you sign in as ${email}.`,
      submit: 'Change address',
    },
    other: {
      title: 'This link is for another account',
      lead: 'It changes the address of an account that you are not signed in to. Nothing has changed.',
      signedIn: (email: string) => `You are signed in as ${email}. Sign out, then sign in to the account it is for.`,
    },
  },

  deadLink: {
    sign_up: {
      title: 'This link has ended',
      lead: 'It was used, or is older than a day. If you confirmed already, sign in; else sign up again.',
      again: 'Sign up again',
    },
    recover: {
      title: 'This link has ended',
      lead: 'It was used, replaced by a newer one, or is older than an hour.',
      again: 'Get a new link',
    },
    verify_email: {
      title: 'This link has ended',
      lead: 'It was used, replaced by a newer one, or is older than a day.',
      again: 'Go to your account',
    },
    change_email: {
      title: 'This link has ended',
      lead: 'It was used, replaced by a newer one, or is older than a day.',
      again: 'Go to your account',
    },
    invitation: {
      title: 'This invitation has ended',
      lead: 'It was used, declined or withdrawn, or is older than a week. Ask for a new one.',
      again: 'Go to your workspaces',
    },
  },

  invitation: {
    title: (workspace: string) => `Join ${workspace}`,
    lead: (email: string, role: string) => `${email} is invited. Role: ${role}.`,
    signIn: 'Sign in to join',
    createAndJoin: 'Create account and join',
    join: (workspace: string) => `Join ${workspace}`,
    decline: 'Decline',
    declined: {
      title: 'You declined',
      lead: (workspace: string) => `You did not join ${workspace}. The link has ended; who invited you can see it.`,
    },
    other: (email: string) => `You are signed in as ${email}. Sign out to go on.`,
  },

  account: {
    navigation: 'Account',
    skip: 'Skip to content',
    signOut: 'Sign out',
    back: (tab: string) => `← ${tab}`,
    tabs: { security: 'Security', sessions: 'Sessions', applications: 'Applications', workspaces: 'Workspaces' },
  },

  security: {
    title: 'Security',
    lead: 'What lets you in, and keeps others out.',
    leadFor: (name: string) => `${name}, this is what lets you in, and keeps others out.`,
    change: 'Change',
    add: 'Add',
    edit: 'Edit',
    remove: 'Remove',
    setUp: 'Set up',
    on: 'On',
    person: {
      title: 'You',
      about: 'What others in your workspaces see.',
      name: 'Name',
      none: 'None yet. Your address is shown instead.',
    },
    signInTitle: 'Signing in',
    signInAbout: 'Your address and your password.',
    email: { name: 'Email', verify: 'Confirm', unverified: 'Not confirmed' },
    password: { name: 'Password', set: 'Set. Changing it signs you out everywhere else.', none: 'None yet.' },
    passkey: {
      title: 'Passkeys',
      short: 'passkey',
      about: 'Sign in with your fingerprint, face or device PIN. Nothing to type, nothing to phish.',
      what: 'Kept by your device or password manager.',
      noneName: 'No passkey yet',
      addName: 'Another passkey',
      added: (date: string) => `Added ${date}.`,
      used: (date: string) => `Last used ${date}.`,
      unused: 'Not used yet.',
      flagged: 'May be copied',
    },
    factorTitle: 'Second factor',
    factorAbout: 'Asked for after the password.',
    app: {
      name: 'Authenticator app',
      none: 'Codes from an app on your phone.',
      since: (date: string) => `Added ${date}.`,
    },
    codes: {
      name: 'Backup codes',
      none: 'None left. Make new ones.',
      left: (count: number) => `${count} of 10 left.`,
      renew: 'Renew',
    },
    blocked: {
      no_workspace: 'You are in no workspace, so you can do nothing but look after your account.',
      second_factor: 'Your workspace asks for a second factor. Add a passkey or an authenticator app to go on.',
      second_factor_proof: 'You signed in here before your account had a second factor. Show it once to go on.',
    },
    done: {
      signed_up: 'Welcome. Your account is ready.',
      password_changed: 'Your password is changed. All other sessions have ended.',
      name_changed: 'Your name is changed.',
      name_removed: 'Your name is removed.',
      email_change_sent: 'We sent a link to the new address. Until you open it, the old one counts.',
      verification_sent: 'We sent a link to your address.',
      email_verified: 'Your address is confirmed.',
      email_changed: 'Your address is changed.',
      app_added: 'The authenticator app is on.',
      app_removed: 'The authenticator app is removed.',
      passkey_added: 'The passkey is added.',
      passkey_renamed: 'The passkey has its new name.',
      passkey_removed: 'The passkey is removed.',
    },
  },

  password: {
    title: 'Change password',
    addTitle: 'Add a password',
    lead: 'All other sessions end.',
    submit: 'Save password',
    wrong: 'The current password is wrong.',
  },

  name: {
    title: 'Change name',
    addTitle: 'Add your name',
    lead: 'Others in your workspaces see it beside your address.',
    hint: 'Leave it empty to be shown by your address alone.',
    submit: 'Save name',
  },

  email: {
    title: 'Change email',
    lead: 'We send a link to the new address. The old one is told, and counts until you open the link.',
    newEmail: 'New email',
    submit: 'Send the link',
  },

  authenticator: {
    title: 'Set up an authenticator app',
    lead: 'Any app for one-time codes will do.',
    scan: 'Scan this with the app.',
    qr: 'QR code for your authenticator app. The same stands below as text.',
    openApp: 'Open in an app on this device',
    type: 'Or type it in:',
    enter: 'Enter the code that the app shows.',
    code: 'Code',
    submit: 'Turn on',
    wrong: 'This code is wrong. Is the clock of your device right?',
    again: 'The app has the account already. Enter the code that it shows now.',
    startOver: 'Show a new QR code',
    on: 'The authenticator app is on.',
    removeTitle: 'Remove the authenticator app?',
    removeLead: 'Its codes stop working. Without another second factor, your backup codes end too.',
    remove: 'Remove app',
  },

  backupCodes: {
    title: 'Your backup codes',
    lead: 'They let you in when you lose your second factor. Each works once. They are shown only now.',
    keep: 'Print them, or keep them in a password manager.',
    kept: 'I have kept them',
    renewTitle: 'New backup codes',
    renewLead: (left: number) =>
      left === 0 ? 'You get ten new codes.' : `You get ten new codes. The ${left} old ones stop working.`,
    renew: 'Make new codes',
  },

  passkeys: {
    newTitle: 'Add a passkey',
    newLead: 'Your browser will ask where to keep it.',
    name: 'Name',
    nameHint: 'So that you can tell it from others, like “Work laptop”.',
    unnamed: 'Passkey',
    create: 'Create passkey',
    on: 'The passkey is added.',
    failed: 'The passkey was not used. Try again.',
    needScript: 'Passkeys need JavaScript and a browser that knows them.',
    editTitle: 'Edit passkey',
    save: 'Save name',
    removeTitle: 'Remove it',
    removeLead: 'It will not let you in any more. Delete it on your device too.',
    remove: 'Remove passkey',
  },

  proof: {
    title: 'Is it still you?',
    lead: 'Before you change what protects your account, confirm that it is you.',
    code: 'Code',
    codeHint: 'From your authenticator app, or a backup code.',
    backupHint: 'One of your backup codes. Or use a passkey below.',
    submit: 'Confirm',
    byPasskey: 'Confirm with a passkey',
    wrongPassword: 'The password is wrong.',
    wrongCode: 'This code is wrong, or was used already.',
    neither: 'Your account has neither password nor passkey. Sign out, and recover it by mail.',
  },

  sessions: {
    title: 'Sessions',
    lead: 'Where you are signed in.',
    current: 'This device',
    by: (methods: string) => `by ${methods}`,
    seen: 'Last seen',
    since: 'Signed in',
    end: 'End',
    endOne: (device: string) => `End the session on ${device}`,
    endOthers: 'End all other sessions',
    done: { ended: 'The session has ended.', others_ended: 'All other sessions have ended.' },
  },

  methods: {
    password: 'password',
    otp: 'authenticator app',
    backup_code: 'backup code',
    passkey: 'passkey',
    mail: 'mail',
  } as Record<string, string>,

  workspaces: {
    title: 'Workspaces',
    lead: 'What you belong to, and what you may join.',
    yours: { title: 'Yours', about: 'The session works in one of them at a time.' },
    current: 'Current',
    suspended: 'Suspended',
    switch: 'Switch',
    switchTo: (name: string) => `Switch to ${name}`,
    none: 'You are in no workspace.',
    invited: 'To join another one, open the link in your invitation mail.',
    unconfirmed: 'Once your address is confirmed, invitations to it stand here too.',
    invitations: {
      title: 'Invitations',
      about: (email: string) => `To ${email}. You decide whether to join.`,
      as: (role: string) => `As ${role}. Open until`,
      join: 'Join',
      joinOne: (workspace: string) => `Join ${workspace}`,
      decline: 'Decline',
      declineOne: (workspace: string) => `Decline to join ${workspace}`,
    },
    done: {
      switched: 'You switched workspaces.',
      joined: 'You joined the workspace.',
      declined: 'You declined the invitation.',
    },
  },

  roles: { owner: 'Owner', admin: 'Admin', developer: 'Developer', viewer: 'Viewer' } as Record<string, string>,

  ...APPLICATION_TEXTS,

  errorCodes: {
    title: 'Errors',
    lead: 'Every error of the API by its code: what it means, and what to do.',
    general: (status: string) => `Any error with status ${status}; this server tells no more.`,
    generalCure: 'Ask whoever runs this server: its log has the cause under the request id.',
  },

  devMail: {
    title: 'Mail',
    lead: 'Kept by this development server instead of being sent. Newest first; a restart forgets them.',
    none: 'No mail yet.',
    to: 'To',
  },

  devCallback: {
    title: 'The code has arrived',
    lead: 'A real application would now redeem it, on its server. It is good for one minute, and once.',
    redeem:
      'With the client id and secret that the first start showed (and code_verifier, if you sent a code_challenge):',
    refused: 'No code has come',
    refusedLead: 'This is what the authorization endpoint said instead.',
  },

  /** What verbs say, where pages say it otherwise. What is not here is shown as the verb says it. */
  said: {
    'must be an email address, such as ada@example.com': 'This is not an email address. It looks like ada@example.com.',
    'is your address already': 'This is your address already.',
    'is among the most used passwords, which are tried first; choose another':
      'This is among the most used passwords, which are tried first. Choose another.',
    'must not be made of the email address': 'The password must not be made of the email address.',
  } as Record<string, string>,
};
