import type { RuntimePort, RuntimeSession } from "@whybox/core";

interface Shared {
  readonly session: Promise<RuntimeSession>;
  users: number;
}

/**
 * A port whose sessions with the same `key` are one session, so that two engines of the same detector do not hold the model twice. The
 * session is released when its last user releases it.
 */
export function shareSessions(port: RuntimePort): RuntimePort {
  const known = new Map<string, Shared>();
  return {
    ...port,
    createSession: async (model, options) => {
      const { key } = options;
      if (key === undefined) return port.createSession(model, options);
      const shared = known.get(key) ?? { session: port.createSession(model, options), users: 0 };
      known.set(key, shared);
      shared.users++;
      const leave = (): boolean => {
        shared.users--;
        if (shared.users === 0 && known.get(key) === shared) known.delete(key);
        return shared.users === 0;
      };
      try {
        return withRelease(await shared.session, leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** The session for one user. `leave` ends the use and returns true for the last one. */
function withRelease(session: RuntimeSession, leave: () => boolean): RuntimeSession {
  let released = false;
  return {
    ...session,
    release: async () => {
      if (released) return;
      released = true;
      if (leave()) await session.release();
    },
  };
}
