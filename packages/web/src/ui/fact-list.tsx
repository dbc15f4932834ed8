interface FactListProps {
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly class?: string;
}

export function FactList({ facts, class: className = "" }: FactListProps) {
  return (
    <dl class={`fact-list ${className}`}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
