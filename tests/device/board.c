// What an Arm Cortex-M needs to run a C program under an emulator: vectors, floating-point unit, files by semihosting.
#include <stdint.h>
#include <string.h>

int main(void);
int board_open(const char *name, int write);
unsigned board_read(int file, void *to, unsigned size);
void board_write(int file, const void *from, unsigned size);
void reset(void);

extern uint32_t stack_top[], bss_begin[], bss_end[];

// Arm, "Semihosting for AArch32 and AArch64": the operation in r0, its arguments at r1.
static int semihost(int operation, const void *arguments) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };

int board_open(const char *name, int write) {
    const uint32_t arguments[] = {(uint32_t)name, write ? 5 : 1, strlen(name)}; // "wb", "rb"
    return semihost(SYS_OPEN, arguments);
}
unsigned board_read(int file, void *to, unsigned size) {
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)to, size};
    return size - (unsigned)semihost(SYS_READ, arguments); // it returns what was not read
}
void board_write(int file, const void *from, unsigned size) {
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)from, size};
    semihost(SYS_WRITE, arguments);
}
static void finish(uint32_t status) {
    const uint32_t arguments[] = {0x20026, status}; // the application ended, its status
    semihost(SYS_EXIT_EXTENDED, arguments);
    for (;;) {}
}

void reset(void) {
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xe000ed88;
    *cpacr |= 0xfu << 20; // floating point and, on a Cortex-M55, vectors
    __asm__ volatile("dsb\n isb");
    for (uint32_t *word = bss_begin; word < bss_end; word++) *word = 0;
    finish((uint32_t)main());
}
static void fault(void) {
    finish(99);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top,           (const void *)reset, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault};
