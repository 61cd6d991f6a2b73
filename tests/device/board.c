// What an Arm Cortex-M, or a RISC-V core, needs to run a C program under an emulator: where it begins, floating-point
// unit, files by semihosting.
#include <stdint.h>
#include <string.h>

int main(void);
int board_open(const char *name, int write);
unsigned board_read(int file, void *to, unsigned size);
void board_write(int file, const void *from, unsigned size);

extern uint32_t stack_top[], bss_begin[], bss_end[];

// The operation and its arguments, words as wide as an address.
#ifdef __riscv
// RISC-V, "Semihosting": a break between two instructions that do nothing.
static int semihost(int operation, const void *arguments) {
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = arguments;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\n"
                     "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return (int)a0;
}
#else
// Arm, "Semihosting for AArch32 and AArch64": the operation in r0, its arguments at r1.
static int semihost(int operation, const void *arguments) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#endif
enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };

int board_open(const char *name, int write) {
    const uintptr_t arguments[] = {(uintptr_t)name, write ? 5 : 1, strlen(name)}; // "wb", "rb"
    return semihost(SYS_OPEN, arguments);
}
unsigned board_read(int file, void *to, unsigned size) {
    const uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)to, size};
    return size - (unsigned)semihost(SYS_READ, arguments); // it returns what was not read
}
void board_write(int file, const void *from, unsigned size) {
    const uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)from, size};
    semihost(SYS_WRITE, arguments);
}
static void finish(int status) {
    const uintptr_t arguments[] = {0x20026, (uintptr_t)status}; // the application ended, its status
    semihost(SYS_EXIT_EXTENDED, arguments);
    for (;;) {}
}

static void run(void) {
    for (uint32_t *word = bss_begin; word < bss_end; word++) *word = 0;
    finish(main());
}

#ifdef __riscv
void start(void);
__attribute__((section(".vectors"), naked)) void start(void) {
    __asm__ volatile("la sp, stack_top\n"
#ifdef __riscv_flen
                     "li t0, 0x6000\ncsrs mstatus, t0\n" // floating point
#endif
                     "call %0"
                     :
                     : "i"(run));
}

// There is no C library.
void *memcpy(void *to, const void *from, size_t size) {
    for (size_t i = 0; i < size; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int byte, size_t size) {
    for (size_t i = 0; i < size; i++) ((volatile char *)to)[i] = (char)byte;
    return to;
}
size_t strlen(const char *text) {
    size_t length = 0;
    while (((const volatile char *)text)[length]) length++;
    return length;
}
#else
void reset(void);
void reset(void) {
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xe000ed88;
    *cpacr |= 0xfu << 20; // floating point and, on a Cortex-M55, vectors
    __asm__ volatile("dsb\n isb");
    run();
}
static void fault(void) {
    finish(99);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top,           (const void *)reset, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault};
#endif
