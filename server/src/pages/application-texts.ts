const UNREGISTERED = {
  title: 'This link does not fit the application',
  lead: 'It would have sent you to an address that the application has not registered. Nothing was sent there.',
};

/** Texts of the pages on which applications ask something of a person. A part of `TEXTS`. */
export const APPLICATION_TEXTS = {
  consent: {
    title: (name: string) => `Let ${name} act for you?`,
    moreTitle: (name: string) => `Let ${name} do more for you?`,
    application: 'Who asks',
    registered: 'Registered here',
    selfRegistered: 'Not checked',
    warning: 'Nobody has checked who made this application. Go on only if you have just started it yourself.',
    describedAt: 'Described at',
    goesTo: 'You go on to',
    places: {
      site: (host: string) => host,
      device: (host: string) => `a program on this device (${host})`,
      scheme: (scheme: string) => `an app on this device (${scheme})`,
    },
    mayIn: 'What it may do in',
    change: 'Change',
    sensitive: 'Sensitive',
    isNew: 'New',
    allow: 'Allow',
    deny: 'Deny',
    later: 'You can withdraw this at any time in your account, under Applications.',
    site: 'Its website',
    policy: 'Privacy policy',
    terms: 'Terms',
    signedInAs: 'You are signed in as',
    notYou: 'Use another account',
  },

  choices: {
    workspaceTitle: 'In which workspace?',
    workspaceLead: (name: string) => `${name} will see and do things in the one that you choose, and in no other.`,
    accountTitle: 'Who are you?',
    accountLead: (name: string) => `Choose the account to go on to ${name} with.`,
    otherAccount: 'Use another account',
  },

  formPost: {
    title: 'Going on to the application',
    submit: 'Continue',
  },

  authorizeErrors: {
    forMakers: 'For whoever makes the application',
    unknown_client: {
      title: 'This application is not known here',
      lead: 'It was removed, or its registration is out of date. If it is a program of yours, remove this connection in it and connect again.',
      makers: 'There is no application with this client_id. Register it, or send the id that registration returned.',
    },
    client_document: {
      title: 'This application cannot be looked up',
      lead: 'It says of itself at its own web address who it is, and what stands there cannot be used. Ask whoever makes it.',
      makers: 'The client_id is the URL of a Client ID Metadata Document, which was refused.',
    },
    disabled_client: {
      title: 'This application is switched off',
      lead: 'Whoever runs it, or this service, has stopped it. Ask them.',
      makers: 'The application, or the workspace that it belongs to, is disabled.',
    },
    redirect_uri: { ...UNREGISTERED, makers: 'redirect_uri must be a registered one, character by character.' },
    loopback_redirect_uri: {
      ...UNREGISTERED,
      makers:
        'redirect_uri must be a registered one, character by character; only the port of a loopback address may differ.',
    },
    no_redirect_uri: {
      title: 'This link does not say where to go back to',
      lead: 'The application asked in a way that cannot be answered. Go back to it, and tell whoever makes it.',
      makers: 'redirect_uri is required: the application has not exactly one registered.',
    },
    repeated: {
      title: 'This link contradicts itself',
      lead: 'It says something twice, so nothing was sent anywhere. Go back to the application, and begin again.',
      makers: 'A parameter was sent more than once:',
    },
    unreadable: {
      title: 'This link cannot be read',
      lead: 'It is damaged, so nothing was sent anywhere. Go back to the application, and begin again.',
      makers: 'Parameters must be UTF-8, percent-encoded.',
    },
    refusedTitle: 'The application asked for something that cannot be',
    refusedLead: (name: string) =>
      `${name} made a mistake. Nobody here has checked who made it, so you are not sent on to it unasked.`,
    goBack: (place: string) => `Tell it, and go on to ${place}`,
    goneTitle: 'This question is no longer open',
    goneLead:
      'It has been answered, is older than an hour, or was begun in another browser. Go back to the application, and begin again.',
    toAccount: 'Go to your account',
    tryAgain: 'Try again',
    backTo: (name: string) => `Back to ${name}`,
    blocked: {
      no_workspace: {
        title: 'You are in no workspace',
        lead: (name: string) => `${name} acts for you in a workspace. Be invited to one, then try again.`,
        cure: null,
      },
      suspended: {
        title: 'Your workspace is suspended',
        lead: (name: string) => `${name} cannot act in it until it is active again.`,
        cure: null,
      },
      second_factor: {
        title: 'Your workspace asks for a second factor',
        lead: (name: string) => `Add a passkey or an authenticator app, then begin again in ${name}.`,
        cure: { path: '/account', text: 'Add a second factor' },
      },
      second_factor_proof: {
        title: 'Show your second factor',
        lead: (name: string) =>
          `You signed in here before your account had one. ${name} can act for you once you have shown it.`,
        cure: { path: '/account/proof', text: 'Show it' },
      },
      role: {
        title: 'Your role does not allow this',
        lead: (name: string) => `${name} asks for nothing that you may do in this workspace. Ask an admin of it.`,
        cure: null,
      },
    } as Record<
      'no_workspace' | 'suspended' | 'second_factor' | 'second_factor_proof' | 'role',
      { title: string; lead: (name: string) => string; cure: { path: string; text: string } | null }
    >,
  },

  logout: {
    title: 'Sign out?',
    lead: (name: string | null) => (name === null ? 'An application asks for it.' : `${name} asks for it.`),
    signedInAs: 'You are signed in as',
    signOut: 'Sign out',
    stay: 'Stay signed in',
    overTitle: 'You are signed out',
    over: 'Applications that you allowed to act for you still may. To withdraw that, sign in and look under Applications.',
    backTo: (name: string) => `Back to ${name}`,
    signIn: 'Sign in',
    refusedTitle: 'This link for signing out is wrong',
    refusedLead: 'You are still signed in. Go back to the application, or sign out in your account.',
    toAccount: 'Go to your account',
    makers: {
      repeated: 'A parameter was sent more than once, or cannot be read.',
      unknown_client: 'There is no application with this client_id.',
      other_client: 'client_id is another one than the id_token_hint was given to.',
      no_client: 'post_logout_redirect_uri needs id_token_hint or client_id beside it.',
      redirect_uri: 'post_logout_redirect_uri must be a registered one of this application, character by character.',
    },
  },

  applications: {
    title: 'Applications',
    lead: 'What you let act for you. Each can do what it says here until you withdraw it.',
    none: 'You have let no application act for you.',
    in: (workspace: string) => `In ${workspace}`,
    used: 'Last used',
    unused: 'Not used yet',
    since: 'Allowed',
    selfRegistered: 'Not checked',
    gone: 'An application that is gone',
    may: (count: number) => (count === 1 ? 'One thing that it may do' : `${count} things that it may do`),
    withdraw: 'Withdraw',
    withdrawFrom: (name: string) => `Withdraw what you allowed ${name}`,
    done: { withdrawn: 'It is withdrawn. The application is cut off.' },
  },
};
