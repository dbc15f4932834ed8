export class ChangelogError extends Error {
  name = "ChangelogError";
}

/**
 * Moves what is below "Unreleased" under a heading of its own, and updates the links at the end.
 * @param {string} text of a changelog as keepachangelog.com describes it
 * @param {{ version: string, previous: string, date: string }} release
 */
export function cutChangelog(text, { version, previous, date }) {
  const heading = "## [Unreleased]\n";
  const start = text.indexOf(heading);
  if (start < 0)
    throw new ChangelogError('CHANGELOG.md has no heading "## [Unreleased]". Add it above the last version.');
  const body = start + heading.length;
  const end = body + /^(## \[|\[)/m.exec(text.slice(body)).index;
  const changes = text.slice(body, end).trim();
  if (changes === "")
    throw new ChangelogError('CHANGELOG.md has nothing below "Unreleased". Say what changes for users.');
  const section = `## [${version}] - ${date}\n\n${changes}`;
  const cut = `${text.slice(0, start)}${heading}\n${section}\n\n${text.slice(end)}`;
  const link = /^\[Unreleased\]: (\S+\/compare\/)\S+$/m;
  if (!link.test(cut)) {
    throw new ChangelogError(
      'CHANGELOG.md has no line "[Unreleased]: …/compare/…" at its end, which links to the changes.',
    );
  }
  const links = `[Unreleased]: $1v${version}...HEAD\n[${version}]: $1v${previous}...v${version}`;
  return { section, text: cut.replace(link, links) };
}
