import * as React from "react";

interface BadgeProps<T> {
    items: T[];
    max?: number;
    render: (item: T, index: number) => React.ReactNode;
    onPick?(item: T): void;
}

export function Badge<T extends { id: string }>({ items, max = 3, render, onPick }: BadgeProps<T>) {
    const [page, setPage] = React.useState<number>(0);
    const shown = React.useMemo(() => items.slice(page * max, (page + 1) * max), [items, page, max]);
    const pages = Math.ceil(items.length / max);

    React.useEffect(() => {
        if (page >= pages && pages > 0) {
            setPage(pages - 1);
        }
    }, [page, pages]);

    if (items.length === 0) {
        return null;
    }

    return (
        <div className={page > 0 ? "badge is-paged" : "badge"} data-page={page + 1}>
            {shown.map((item, index) => (
                <button key={item.id} onClick={() => onPick?.(item)} disabled={!onPick}>
                    {render(item, page * max + index)} &lt; {index + 1}
                </button>
            ))}
            {pages > 1 && <Pager page={page} pages={pages} go={(next) => setPage(next)} />}
            {pages > 9 ? <b>a lot: {pages} &gt; 9</b> : <></>}
        </div>
    );
}

export const Pager = React.memo(({ page, pages, go }: { page: number; pages: number; go: (page: number) => void }) => {
    const last = pages - 1;
    const label = (step: number): string => (step < 0 ? "back" : "on");
    return (
        <nav>
            <a onClick={() => go(Math.max(page - 1, 0))}>{label(-1)}</a>
            <a onClick={() => go(page < last ? page + 1 : last)}>{label(1)}</a>
        </nav>
    );
});

export class Boundary extends React.Component<{ children?: React.ReactNode }, { failed: boolean }> {
    state = { failed: false };

    static getDerivedStateFromError = () => ({ failed: true });

    override render() {
        return this.state.failed ? <p>failed</p> : this.props.children;
    }
}
