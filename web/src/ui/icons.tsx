/* Icons are inline SVG, drawn in the colour of the text, and say nothing to a screen reader. */
import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const LoafIcon = () => (
  <Icon>
    <path d="M4 9.500C4 7 7.500 5.500 12 5.500S20 7 20 9.500c0 1.400-.8 2.300-1.800 2.800V18a1.200 1.200 0 0 1-1.200 1.200H7A1.200 1.200 0 0 1 5.800 18v-5.700C4.800 11.800 4 10.900 4 9.500Z" />
    <path d="m9.500 9-1.200 2.500M12.700 9l-1.200 2.500M15.900 9l-1.200 2.500" />
  </Icon>
);
export const StockIcon = () => (
  <Icon>
    <path d="M4 5h16M4 12h16M4 19h16M6 5v14M18 5v14" />
    <path d="M9 12c0-2 1.200-3 3-3s3 1 3 3M9 19c0-2 1.200-3 3-3s3 1 3 3" />
  </Icon>
);
export const SellIcon = () => (
  <Icon>
    <path d="M5 8h14l-1 11.500H6L5 8Z" />
    <path d="M9 10.500V7a3 3 0 0 1 6 0v3.500" />
  </Icon>
);
export const BakeIcon = () => (
  <Icon>
    <path d="M4 4.500h16v15H4zM4 9h16M7 6.800h.01M10 6.800h.01" />
    <path d="M8 16c0-1.800 1.600-3 4-3s4 1.200 4 3Z" />
  </Icon>
);
export const ReportIcon = () => (
  <Icon>
    <path d="M4 20h16M7 16.500v-5M12 16.500V5M17 16.500V9" />
  </Icon>
);
export const NoteIcon = () => (
  <Icon>
    <path d="M4.500 5h15v11.500H11L7 20v-3.500H4.500zM8 9h8M8 12.500h5" />
  </Icon>
);
export const SignOutIcon = () => (
  <Icon>
    <path d="M13.500 4.500H5.500v15h8M10 12h10M16.500 8.500 20 12l-3.500 3.500" />
  </Icon>
);
export const MinusIcon = () => (
  <Icon>
    <path d="M5 12h14" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M5 12h14M12 5v14" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m5 12.500 4.500 4.500L19 7.500" />
  </Icon>
);
export const AlertIcon = () => (
  <Icon>
    <path d="M12 4 2.800 19.500h18.400L12 4ZM12 10v4.500M12 17.200h.01" />
  </Icon>
);
export const EditIcon = () => (
  <Icon>
    <path d="M5 19h3.500L19 8.500 15.500 5 5 15.500V19ZM13 7.500l3.500 3.500" />
  </Icon>
);
export const SaveIcon = () => (
  <Icon>
    <path d="M12 4v11M7.500 11 12 15.500 16.500 11M5 20h14" />
  </Icon>
);
export const PrintIcon = () => (
  <Icon>
    <path d="M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7Z" />
  </Icon>
);
export const PersonIcon = () => (
  <Icon>
    <circle cx="12" cy="8" r="4" />
    <path d="M4.500 20c.800-4 3.800-6 7.500-6s6.700 2 7.500 6" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600 7 7M17 17l1.400 1.400M5.600 18.400 7 17M17 7l1.400-1.400" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10Z" />
  </Icon>
);
export const RetryIcon = () => (
  <Icon>
    <path d="M19.500 12a7.500 7.500 0 1 1-2.200-5.300M19.500 4v4h-4" />
  </Icon>
);
